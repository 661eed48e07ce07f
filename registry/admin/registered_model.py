from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from registry.admin.links import links_to_related
from registry.admin.pages import Confirmation, ConfirmingAdmin
from registry.concerns import concerns
from registry.forms import RollbackForm
from registry.models import Deployment, RegisteredModel


class RollbackPage(Confirmation):
    """Puts back what the newest move replaced; no gate is asked."""

    name, verb = "rollback", "Roll back"
    permission_required = "registry.change_modelversion"
    form_class = RollbackForm
    template_name = "admin/registry/rollback.html"

    @classmethod
    def offered(cls, subject: RegisteredModel) -> bool:
        return subject.deployments.moves().exists()

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "model": self.subject}

    def change(self, answers: dict[str, Any]) -> str:
        moved = self.subject.rollback(actor=self.actor, reason=answers["reason"], to=answers["to"])
        return f"{moved.to_version} is in production again: generation {moved.generation}"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(newest=self.subject.deployments.newest_move(), **kwargs)


class MakeDefaultPage(Confirmation):
    name, verb = "make-default", "Make default"
    permission_required = "registry.change_registeredmodel"
    explanation = (
        "The default model answers where a request names none; clients who name none get this one from now on."
    )

    @classmethod
    def offered(cls, subject: RegisteredModel) -> bool:
        return not subject.is_default

    def change(self, answers: dict[str, Any]) -> str:
        self.subject.make_default()
        return f"{self.subject} is the default model"


@admin.register(RegisteredModel)
class RegisteredModelAdmin(ConfirmingAdmin[RegisteredModel]):
    """What answers for each name, since when and by whom, from the ledger."""

    pages = (RollbackPage, MakeDefaultPage)
    list_display = ("name", "market", "horizon", "is_default", "production", "since", "by", "state")
    list_filter = ("is_default",)
    search_fields = ("name", "market")
    search_help_text = "Name of a model or of its market"
    ordering = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[RegisteredModel]:
        newest = Prefetch("deployments", Deployment.objects.in_force(), to_attr="newest_moves")
        return super().get_queryset(request).prefetch_related(newest)

    def has_change_permission(self, request: HttpRequest, obj: RegisteredModel | None = None) -> bool:
        return False  # its market and horizon are what its versions learnt; the pages change the rest

    def get_fields(self, request: HttpRequest, obj: RegisteredModel | None = None) -> tuple[str, ...]:
        given = ("name", "market", "horizon")
        return given if obj is None else (*given, "is_default", "production", "since", "by", "why", "state", "links")

    def get_readonly_fields(self, request: HttpRequest, obj: RegisteredModel | None = None) -> tuple[str, ...]:
        return () if obj is None else self.get_fields(request, obj)

    def dressed(self, rows: Sequence[RegisteredModel]) -> Sequence[RegisteredModel]:
        said = concerns(rows)
        for model in rows:
            model.concerns = said.get(model.pk, [])  # type: ignore[attr-defined]
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

    @admin.display(description="reason", empty_value="-")
    def why(self, model: Any) -> str | None:
        move = _newest(model)
        return move.reason if move else None

    @admin.display(description="state")
    def state(self, model: Any) -> SafeString | str:
        said = model.concerns if hasattr(model, "concerns") else concerns([model]).get(model.pk, [])
        return format_html_join("", "<div>{}</div>", ((sentence,) for sentence in said)) or "fine"

    @admin.display(description="see also")
    def links(self, model: RegisteredModel) -> SafeString:
        return links_to_related(self.admin_site, model)


def _newest(model: Any) -> Deployment | None:
    return model.newest_moves[0] if model.newest_moves else None
