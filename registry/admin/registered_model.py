from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from registry.admin.comparing import Comparison
from registry.admin.links import links_to_related
from registry.admin.moves import MODEL_PAGES
from registry.admin.pages import ConfirmingAdmin
from registry.admin.timeline import Timeline
from registry.admin.versions_table import VersionsTable
from registry.concerns import concerns
from registry.gates.questions import questions_for
from registry.labels import ALARMING, pill
from registry.models import AnswerPolicy, Deployment, ModelVersion, RegisteredModel
from registry.serving import take_over


@admin.register(RegisteredModel)
class RegisteredModelAdmin(ConfirmingAdmin[RegisteredModel]):
    """What answers for each name, since when and by whom, from the ledger."""

    pages = MODEL_PAGES
    change_form_template = "admin/registry/registeredmodel/change_form.html"
    list_display = ("name", "market", "horizon", "is_default", "production", "since", "by", "state")
    list_filter = ("is_default",)
    search_fields = ("name", "market")
    search_help_text = "Name of a model or of its market"
    ordering = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[RegisteredModel]:
        newest = Prefetch("deployments", Deployment.objects.in_force(), to_attr="newest_moves")
        return super().get_queryset(request).prefetch_related(newest)

    def get_urls(self) -> list[URLPattern]:
        ours = [
            path(
                "<int:pk>/serving/", self.admin_site.admin_view(self.serving), name="registry_registeredmodel_serving"
            ),
            path(
                "<int:pk>/compare/", self.admin_site.admin_view(self.compare), name="registry_registeredmodel_compare"
            ),
        ]
        return [*ours, *super().get_urls()]

    def has_change_permission(self, request: HttpRequest, obj: RegisteredModel | None = None) -> bool:
        return False  # its market and horizon are what its versions learnt; the pages change the rest

    def get_fields(self, request: HttpRequest, obj: RegisteredModel | None = None) -> tuple[str, ...]:
        return ("name", "market", "horizon") if obj is None else ()

    def page_of(self, request: HttpRequest, row: RegisteredModel) -> dict[str, Any]:
        model, move = row, _newest(row)
        return {
            "model": model,
            "move": move,
            "suspension": model.suspension,
            "take_over": move and take_over(move),
            "concerns": concerns([model]).get(model.pk, []),
            "timeline": Timeline.of(model),
            "table": VersionsTable(model, sort=request.GET.get("sort", "")),
            "gates": questions_for(model),
            "may_override": request.user.has_perm("registry.add_gateoverride"),
            "policy": AnswerPolicy.objects.filter(model=model).first() or AnswerPolicy(),
            "may_rule": request.user.has_perm("registry.add_answerpolicy"),
            "may_move": request.user.has_perm("registry.change_modelversion"),
            "links": links_to_related(self.admin_site, model),
        }

    def serving(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The part of the page that says which workers serve what the ledger says; it asks again until all do."""
        model = self._seen(request, pk)
        move = model.deployments.newest_move()
        context = {"model": model, "move": move, "take_over": move and take_over(move)}
        return render(request, "admin/registry/registeredmodel/take_over.html", context)

    def compare(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Any two versions side by side: ?a=1&b=2, by default the newest beside production."""
        model = self._seen(request, pk)
        chosen = [_numbered(model, request.GET.get(name, "")) for name in ("a", "b")]
        beside = [version for version in chosen if version is not None] or _newest_beside_production(model)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "object": model,
            "title": f"Versions of {model} side by side",
            "numbers": model.versions.values_list("number", "stage"),
            "comparison": Comparison(beside),
            "may_move": request.user.has_perm("registry.change_modelversion"),
        }
        return render(request, "admin/registry/registeredmodel/compare.html", context)

    def _seen(self, request: HttpRequest, pk: int) -> RegisteredModel:
        if not self.has_view_permission(request):
            raise PermissionDenied
        model = RegisteredModel.objects.filter(pk=pk).first()
        if model is None:
            raise Http404("there is no such model")
        return model

    def dressed(self, rows: Sequence[RegisteredModel]) -> Sequence[RegisteredModel]:
        said = concerns(rows)
        shut = {row.model_id: row for row in Deployment.objects.suspensions().filter(model__in=[m.pk for m in rows])}
        for model in rows:
            model.concerns = said.get(model.pk, [])  # type: ignore[attr-defined]
            model.shut = shut.get(model.pk)  # type: ignore[attr-defined]
        return rows

    @admin.display(description="in production", empty_value="nothing")
    def production(self, model: Any) -> str | None:
        move = _newest(model)
        return f"version {move.to_version.number}" if move else None

    @admin.display(description="since", empty_value="-")
    def since(self, model: Any) -> str | None:
        move = _newest(model)
        return f"{move.created_at:%Y-%m-%d %H:%M:%S}" if move else None

    @admin.display(description="by", empty_value="-")
    def by(self, model: Any) -> str | None:
        move = _newest(model)
        return f"{move.actor} ({move.kind})" if move else None

    @admin.display(description="state")
    def state(self, model: Any) -> SafeString | str:
        alarm = pill("suspended", ALARMING) if model.shut else ""
        said = format_html_join("", "<div>{}</div>", ((sentence,) for sentence in model.concerns))
        return format_html("<div>{}{}</div>", alarm, said) if alarm or said else "fine"


def _newest(model: Any) -> Deployment | None:
    return model.newest_moves[0] if model.newest_moves else None


def _numbered(model: RegisteredModel, number: str) -> ModelVersion | None:
    if not number.isdecimal() or len(number) > 9:
        return None
    return model.versions.filter(number=int(number)).first()


def _newest_beside_production(model: RegisteredModel) -> list[ModelVersion]:
    newest, production = model.versions.first(), model.versions.in_production().first()
    return [version for version in dict.fromkeys([newest, production]) if version is not None]
