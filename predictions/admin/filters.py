"""Filters of the log that ask Postgres for ranges of indexes, and never for the distinct values of a long column."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from cryptoml_site.clock import now
from predictions.models import PredictionQuerySet
from registry.models import ModelVersion
from training.models import Market

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
        rows: PredictionQuerySet = queryset.filter(model=version.model_id, version=version)
        return rows
