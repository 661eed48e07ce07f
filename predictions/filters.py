"""Which answers of the log: ?model=&version=&market=&reference=&role=&since=.

Names are made keys before the log is asked: by a key Postgres knows how many rows there are, and takes the index; by
the name of a model that has answered nothing it would walk through the whole log.
"""

from datetime import datetime
from typing import Any

import django_filters
from django.db.models import Min, QuerySet

from predictions.models import Prediction, PredictionQuerySet
from registry.models import ModelVersion, RegisteredModel


class PredictionFilter(django_filters.FilterSet):  # type: ignore[misc]  # it ships no types
    model = django_filters.CharFilter(method="of_model")
    version = django_filters.NumberFilter(method="of_version")
    market = django_filters.CharFilter(method="of_market")
    reference = django_filters.CharFilter(field_name="reference")
    role = django_filters.ChoiceFilter(choices=Prediction.Role.choices)
    since = django_filters.IsoDateTimeFilter(method="made_since")

    class Meta:
        model = Prediction
        fields: list[str] = []

    def of_model(self, queryset: PredictionQuerySet, name: str, wanted: str) -> PredictionQuerySet:
        return queryset.filter(model__in=_keys(RegisteredModel.objects.filter(name=wanted)))

    def of_version(self, queryset: PredictionQuerySet, name: str, wanted: int) -> PredictionQuerySet:
        """Of a version no answer is older than itself."""
        versions = ModelVersion.objects.filter(number=wanted)
        if model := self.data.get("model"):
            versions = versions.filter(model__name=model)
        oldest = versions.aggregate(oldest=Min("created_at"))["oldest"]
        if oldest is None:
            return queryset.none()
        models = list(versions.order_by().values_list("model", flat=True).distinct())
        return queryset.since_version_of(oldest).filter(model__in=models, version__in=_keys(versions))

    def of_market(self, queryset: PredictionQuerySet, name: str, wanted: str) -> PredictionQuerySet:
        """The answers of those models alone that forecast it."""
        models = _keys(RegisteredModel.objects.filter(market=wanted))
        return queryset.filter(model__in=models, market=wanted)

    def made_since(self, queryset: PredictionQuerySet, name: str, moment: datetime) -> PredictionQuerySet:
        return queryset.since(moment)


def _keys(rows: QuerySet[Any]) -> list[int]:
    return list(rows.order_by().values_list("pk", flat=True))
