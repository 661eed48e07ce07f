"""What is wrong with the data behind a model, in a sentence."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused
from registry.models import RegisteredModel
from training.models import Market


def market_without_fresh_candles(models: Sequence[RegisteredModel]) -> dict[int, str]:
    """For settings.MODEL_CONCERNS."""
    moment = now()
    held = {market.name: market for market in Market.objects.filter(name__in={m.market for m in models}).with_newest()}
    said = {model.pk: data_concern(held.get(model.market), model.market, at=moment) for model in models}
    return {pk: sentence for pk, sentence in said.items() if sentence}


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
