"""How often production came true, for the metrics: the one place where they ask."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from functools import lru_cache
from typing import Any

from cryptoml_site.clock import now
from monitoring.live import SPAN, LiveRate, live_rates
from monitoring.metrics.reading import ALL, Choice
from monitoring.metrics.spans import Span, floor
from monitoring.performance.figure import FEWEST
from registry.models import ModelVersion


def accuracy(choice: Choice = ALL) -> dict[str, dict[str, Any]]:
    """By model, of its production version's scheduled forecasts in the last 30 days; null where they are too few.

    A version that is not in production has none.
    """
    asked = ModelVersion.objects.in_production().filter(purged_at=None)
    versions = tuple(
        asked.filter(**({"model__name": choice.model} if choice.model else {}))
        .order_by("pk")
        .values_list("pk", "model__name", "number")
    )
    wanted = [(pk, name, number) for pk, name, number in versions if choice.has(name, number)]
    found = _rates(tuple(pk for pk, _, _ in wanted), floor(now(), Span.MINUTE))
    return {name: _as_json(found[pk], number) for pk, name, number in wanted}


@lru_cache(maxsize=64)  # outcomes are settled by the minute
def _rates(versions: Iterable[int], at: datetime) -> dict[int, LiveRate]:
    """By the version's key."""
    rows = list(ModelVersion.objects.filter(pk__in=versions).select_related("model"))
    rates = live_rates(rows, at=at)
    return {row.pk: rates[row.model_id] for row in rows}


def _as_json(rate: LiveRate, version: int) -> dict[str, Any]:
    figures = asdict(rate)
    enough = {} if rate.enough else {"why": f"fewer than {FEWEST} settled outcomes say nothing"}
    return {"value": figures.pop("rate"), **figures, "version": version, "days": SPAN.days, **enough}
