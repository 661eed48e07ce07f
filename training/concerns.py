"""What is wrong with the data behind a model, in a sentence."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import OuterRef, Subquery

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused
from registry.models import RegisteredModel
from training.models import Market, RetrainingPolicy, TrainingRun

Status = TrainingRun.Status


def market_without_fresh_candles(models: Sequence[RegisteredModel]) -> dict[int, str]:
    """For settings.MODEL_CONCERNS."""
    moment = now()
    held = {market.name: market for market in Market.objects.filter(name__in={m.market for m in models}).with_newest()}
    said = {model.pk: data_concern(held.get(model.market), model.market, at=moment) for model in models}
    return {pk: sentence for pk, sentence in said.items() if sentence}


def retraining_failed(models: Sequence[RegisteredModel]) -> dict[int, str]:
    """For settings.MODEL_CONCERNS: of models with a retraining policy, those whose last run by it failed."""
    ended = TrainingRun.objects.filter(policy=OuterRef("pk"), status__in=[Status.SUCCEEDED, Status.FAILED])
    newest = ended.order_by("-created_at").values("pk")[:1]
    policies = RetrainingPolicy.objects.in_force().filter(model__in=models).annotate(newest=Subquery(newest))
    failed = TrainingRun.objects.filter(pk__in=policies.values("newest"), status=Status.FAILED)
    return {run.model_id: f"its last retraining failed: {run.error}" for run in failed.defer("log")}


def data_concern(market: Market | None, name: str, *, at: datetime) -> str:
    """Empty where the market, as `with_newest` gives it, has fresh candles."""
    if market is None:
        return f"market {name} is gone: no forecast is made, and none can be asked for by market"
    if market.newest_opened_at is None:
        return f"{name} has no candles yet: load or simulate some"
    try:
        market.check_fresh(market.newest_opened_at, at=at)
    except Refused:
        closed = market.known_at(market.newest_opened_at)
        return f"stale: the newest candle of {name} closed {span(at - closed)} ago"
    return ""


def span(age: timedelta) -> str:
    """As people say it, by its largest unit.

    >>> span(timedelta(days=3, hours=2)), span(timedelta(minutes=90)), span(timedelta(seconds=61))
    ('3 days', '1 hour', '1 minute')
    """
    seconds = int(age.total_seconds())
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}{'s' if seconds >= 2 * length else ''}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"
