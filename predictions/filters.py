"""Which answers of the log: ?model=&version=&market=&reference=&role=&since=."""

from datetime import datetime

import django_filters

from predictions.models import Prediction, PredictionQuerySet


class PredictionFilter(django_filters.FilterSet):  # type: ignore[misc]  # it ships no types
    model = django_filters.CharFilter(field_name="model__name")
    version = django_filters.NumberFilter(field_name="version__number")
    market = django_filters.CharFilter(field_name="market")
    reference = django_filters.CharFilter(field_name="reference")
    role = django_filters.ChoiceFilter(choices=Prediction.Role.choices)
    since = django_filters.IsoDateTimeFilter(method="made_since")

    class Meta:
        model = Prediction
        fields: list[str] = []

    def made_since(self, queryset: PredictionQuerySet, name: str, moment: datetime) -> PredictionQuerySet:
        return queryset.since(moment)
