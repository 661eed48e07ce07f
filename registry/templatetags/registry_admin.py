"""Words in colour, and of the ledger, for templates."""

from typing import Any

from django.template import Library

from registry.figures import dig
from registry.labels import pill, stage_pill
from registry.models import Deployment

register = Library()
register.simple_tag(pill)
register.filter("stage_pill", stage_pill)


@register.filter
def done(row: Deployment) -> str:
    return Deployment.DONE[Deployment.Kind(row.kind)]


@register.filter
def percent(share: float) -> str:
    return f"{share:.1%}"


@register.filter
def rows_said(report: dict[str, Any]) -> str:
    """How many rows a version learnt from, and why other candles gave none; empty where nothing is known of that."""
    rows, dropped = dig(report, "dataset", "rows"), dig(report, "dataset", "dropped")
    if rows is None or dropped is None:
        return ""
    most_first = sorted(dropped.items(), key=lambda each: -each[1])
    lost = [f"{count:,} {reason.replace('_', ' ')}" for reason, count in most_first if count]
    return f"{rows:,} kept, {', '.join(lost) or 'none'} dropped"
