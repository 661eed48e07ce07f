"""Words in colour, and of the ledger, for templates."""

from django.template import Library

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
