"""A market is made by the first candles that are brought to it, and its registered model with it."""

import re
from dataclasses import dataclass
from typing import Any, Self

from django.db import transaction

from cryptoml_site.errors import Invalid, Refused
from registry.models import RegisteredModel
from training.models import Interval, Market
from training.models.market import BROUGHT

PATTERN = re.compile(r"(?P<coin>[a-z0-9][a-z0-9._-]{0,39})-(?P<currency>[a-z0-9]{1,12})-(?P<interval>[a-z0-9]+)")


@dataclass(frozen=True)
class MarketName:
    """What a market's name says: coin, currency and interval."""

    coin: str
    currency: str
    interval: Interval

    @classmethod
    def parse(cls, name: str) -> Self:
        """Raises Invalid for a name that says something else.

        >>> MarketName.parse("usd-coin-eur-4h")
        MarketName(coin='usd-coin', currency='eur', interval=Interval.FOUR_HOURS)
        """
        parts = PATTERN.fullmatch(name)
        if parts is None:
            raise _bad_name(f"'{name}' is no market name: write coin-currency-interval, such as bitcoin-usd-1d")
        if parts["interval"] not in Interval.values:
            intervals = ", ".join(Interval.values)
            raise _bad_name(f"'{parts['interval']}' in '{name}' is no interval that we know: {intervals}")
        return cls(parts["coin"], parts["currency"], Interval(parts["interval"]))


def claim_market(name: str, *, source: str, simulation: dict[str, Any] | None = None) -> Market:
    """The market of that name; made, with a registered model of the same name, when new.

    A market of CSV files may be carried on by a source that is asked; files may be loaded into one that is. Raises
    Invalid for a malformed name, Refused when real candles would meet simulated ones, or two sources that are asked.
    """
    parts = MarketName.parse(name)
    with transaction.atomic():
        market, _ = Market.objects.get_or_create(
            name=name,
            defaults={
                "coin": parts.coin,
                "currency": parts.currency,
                "interval": parts.interval,
                "source": source,
                "simulation": simulation,
            },
        )
        if market.simulated != (source == "simulated"):
            raise _other_source(market, source)
        if source not in (market.source, *BROUGHT):
            _ask_from_now_on(market, source)
        RegisteredModel.objects.get_or_create(name=name, defaults={"market": name, "horizon": 1})
    return market


def _ask_from_now_on(market: Market, source: str) -> None:
    carried_on = Market.objects.filter(pk=market.pk, source__in=BROUGHT).update(source=source)
    if not carried_on:
        raise _other_source(market, source)
    market.source = source


def _other_source(market: Market, source: str) -> Refused:
    return Refused(
        f"{market} comes from '{market.source}': candles from '{source}' belong in a market of their own",
        code="other_source",
        field="market",
    )


def _bad_name(sentence: str) -> Invalid:
    return Invalid(sentence, code="bad_market_name", field="market")
