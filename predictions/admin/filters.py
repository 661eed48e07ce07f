"""Filters of the log that ask Postgres for ranges of indexes, and never for the distinct values of a long column."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Min, OuterRef, Q, Subquery
from django.http import HttpRequest

from cryptoml_site.clock import now
from predictions.ids import first_id_of
from predictions.models import ApiKey, Prediction, PredictionQuerySet
from registry.admin.dressing import dress
from registry.admin.moments import utc_moment
from registry.models import ModelVersion
from training.models import Market, Outcome

ABSTAINED = "-"  # as a direction
FROM_CLIENT = "-"  # as the name of a market: the client sent the features


class MadeFilter(admin.SimpleListFilter):
    title, parameter_name = "made", "made"
    spans = {
        "hour": ("last hour", timedelta(hours=1)),
        "day": ("last 24 hours", timedelta(days=1)),
        "week": ("last 7 days", timedelta(days=7)),
        "month": ("last 30 days", timedelta(days=30)),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, title) for name, (title, _) in self.spans.items()]

    def queryset(self, request: HttpRequest, queryset: Any) -> PredictionQuerySet | None:
        if self.value() not in self.spans:
            return None
        since: PredictionQuerySet = queryset.since(now() - self.spans[str(self.value())][1])
        return since


class CallFilter(admin.SimpleListFilter):
    title, parameter_name = "direction", "direction__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*Prediction.Direction.choices, (ABSTAINED, "none: it abstained")]

    def queryset(self, request: HttpRequest, queryset: Any) -> PredictionQuerySet | None:
        if self.value() is None:
            return None
        none = self.value() == ABSTAINED
        chosen: PredictionQuerySet = queryset.filter(**{"direction": None} if none else {"direction": self.value()})
        return chosen


class MarketFilter(admin.SimpleListFilter):
    title, parameter_name = "market", "market"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        names = Market.objects.values_list("name", flat=True)
        return [(FROM_CLIENT, "none: the client sent the features"), *((name, name) for name in names)]

    def queryset(self, request: HttpRequest, queryset: Any) -> PredictionQuerySet | None:
        if self.value() is None:
            return None
        chosen: PredictionQuerySet = queryset.filter(market="" if self.value() == FROM_CLIENT else self.value())
        return chosen


class VersionFilter(admin.SimpleListFilter):
    """The versions of the model that is chosen; with its model, so that the index of models is used."""

    title, parameter_name = "version", "version__id__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        versions = ModelVersion.objects.order_by("-number")
        model, version = request.GET.get("model__id__exact", ""), request.GET.get(self.parameter_name, "")
        if model.isdecimal():
            versions = versions.filter(model=int(model))
        elif version.isdecimal():
            versions = versions.filter(model__versions=int(version))
        else:
            return []
        return [(str(pk), f"version {number}") for pk, number in versions.values_list("pk", "number")]

    def queryset(self, request: HttpRequest, queryset: Any) -> PredictionQuerySet | None:
        chosen = self.value() or ""
        version = ModelVersion.objects.filter(pk=int(chosen)).first() if chosen.isdecimal() else None
        if version is None:
            return None
        rows: PredictionQuerySet = queryset.since_version_of(version.created_at).filter(
            model=version.model_id, version=version
        )
        return rows


class BetweenForm(forms.Form):
    moment = forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"})
    since = forms.CharField(required=False, label="Made from (UTC)", widget=moment)
    until = forms.CharField(required=False, label="and before (UTC)", widget=moment)


class BetweenFilter(admin.ListFilter):
    """Two moments, each of which may be left open; by range of the id, as all that asks the log for a time."""

    title, template = "made between", "unfold/filters/filters_field.html"
    names = ("since", "until")

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.asked = {name: params.pop(name)[-1] for name in self.names if name in params}
        self.used_parameters |= self.asked

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return list(self.names)

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:  # Unfold's template takes a form
        yield {"form": dress(BetweenForm(self.asked))}

    def queryset(self, request: HttpRequest, queryset: Any) -> PredictionQuerySet | None:
        bounds = {"since": "id__gte", "until": "id__lt"}
        for name, text in self.asked.items():
            moment = utc_moment(text) if text else None
            if text and moment is None:
                messages.error(request, f"'{text}' is no moment: write it as 2026-11-23T10:00 (UTC)")
                nothing: PredictionQuerySet = queryset.none()
                return nothing
            queryset = queryset.filter(**{bounds[name]: first_id_of(moment)}) if moment else queryset
        chosen: PredictionQuerySet = queryset
        return chosen


class KeyFilter(admin.SimpleListFilter):
    title, parameter_name = "API key", "key__id__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(key.pk), str(key)) for key in ApiKey.objects.order_by("name")[:200]]

    def queryset(self, request: HttpRequest, queryset: Any) -> PredictionQuerySet | None:
        if not (self.value() or "").isdecimal():
            return None
        chosen: PredictionQuerySet = queryset.filter(key=int(str(self.value())))
        return chosen


class OutcomeFilter(admin.SimpleListFilter):
    """By the newest revision of the outcome that an answer is judged by."""

    title, parameter_name = "outcome", "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("right", "right"),
            ("wrong", "wrong"),
            ("pending", "due, or not settled yet"),
            ("void", "void"),
            ("none", "none of ours"),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> PredictionQuerySet | None:
        """By a look into the index for each answer, newest first: joined, all outcomes that there are would be read."""
        wanted = self.value()
        found = queryset.alias(moved=_of_newest("log_return"), state=_of_newest("status"))
        chosen: PredictionQuerySet | None = None
        if wanted in ("right", "wrong"):
            chosen = found.exclude(market="").filter(_came_true() if wanted == "right" else _came_false())
        elif wanted in (Outcome.Status.PENDING, Outcome.Status.VOID):
            oldest = Outcome.objects.filter(status=wanted).aggregate(oldest=Min("as_of"))["oldest"]
            rows = found.exclude(market="").filter(state=wanted)
            chosen = rows.since(oldest) if oldest else rows.none()  # no answer about a candle is older than it
        elif wanted == "none":
            chosen = found.filter(Q(market="") | Q(state=None))
        return chosen


def _of_newest(fact: str) -> Subquery:
    """Of the newest revision of an answer's outcome."""
    same = {"market__name": OuterRef("market"), "as_of": OuterRef("as_of"), "horizon": OuterRef("horizon")}
    return Subquery(Outcome.objects.filter(**same).order_by("-revision").values(fact)[:1])


def _came_true() -> Q:
    return Q(moved__gt=0, direction=Prediction.Direction.UP) | Q(moved__lte=0, direction=Prediction.Direction.DOWN)


def _came_false() -> Q:
    return Q(moved__gt=0, direction=Prediction.Direction.DOWN) | Q(moved__lte=0, direction=Prediction.Direction.UP)
