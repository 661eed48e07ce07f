"""A new market of a source that can be asked: which coin is meant, and whether there are such candles."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from cryptoml_site.errors import Invalid, Refused, Unknown
from training.market_data.markets import PATTERN, claim_market
from training.market_data.sources.catalogue import source_named
from training.market_data.sources.checked import Checked
from training.market_data.sources.source import PATIENCE_SECONDS, Coin, MarketSource
from training.models import Interval, Market

SHOWN = 30  # coins of one symbol that are spelt out
LONGEST = 100  # characters of a coin's name
CURRENCY = re.compile("[a-z0-9]{1,12}")  # as a market's name has it
UNREACHED_SECONDS = 10.0  # a person waits for the answer, and a network that is away is seldom back by then


class AmbiguousCoin(Refused):
    """Several coins are called so; a person says which one is meant."""

    code = "ambiguous_coin"

    def __init__(self, wanted: str, coins: list[Coin]) -> None:
        listed = [f"  {coin}" for coin in coins[:SHOWN]]
        more = [f"  and {len(coins) - SHOWN} more"] if len(coins) > SHOWN else []
        sentence = f"{len(coins)} coins are called '{wanted}'"
        told = [f"{sentence}: name the one that is meant by its id:", *listed, *more]
        super().__init__("\n".join(told), field="coin", evidence=[coin.id for coin in coins])
        self.coins = coins
        self.sentence = sentence


@dataclass(frozen=True)
class AddedMarket:
    """The market, which coin it is of, and what it was before: nothing, or the source that its candles came from."""

    market: Market
    coin: Coin
    before: str | None

    def __str__(self) -> str:
        coin, source = self.coin, self.market.source
        if self.before is None:
            return f"{self.market} is made: {coin.name} ({coin.symbol}) from {source}"
        if self.before == source:
            return f"{self.market} is there already, from {source}"
        return f"{self.market} keeps its candles from {self.before}; newer ones come from {source} from now on"


def silent(line: str) -> None:
    """Nobody looks on."""


def add_market(
    coin: str,
    currency: str,
    interval: str,
    *,
    source: str = "coingecko",
    patience: float = PATIENCE_SECONDS,
    say: Callable[[str], None] = silent,
) -> AddedMarket:
    """The market of that coin, made with its registered model when new; its candles are not fetched yet.

    coin: an id of the source, or a symbol or name that one coin alone has. patience: seconds that each question may
    wait, UNREACHED_SECONDS at most where nothing is heard of the source. say: called before the source is asked.
    Raises AmbiguousCoin, Invalid, Unknown or Refused, each naming the field at fault, before the source is asked where
    no source could have it; Unavailable where the source does not answer. Nothing is made then.
    """
    if interval not in Interval.values:
        raise Invalid(
            f"'{interval}' is no interval that we know: {', '.join(Interval.values)}",
            code="unknown_interval",
            field="interval",
        )
    coin, currency = _possible_coin(coin.strip()), _possible_currency(currency.strip().lower())
    asked = Checked(source_named(source, patience=patience, patience_unreached=min(patience, UNREACHED_SECONDS)))
    say(f"Asking {asked.name} for {coin} ...")
    found = _the_one(asked, coin)
    asked.check(found.id, currency, Interval(interval))
    name = _name_of(found, currency, interval)
    held = Market.objects.filter(name=name).first()
    before = held.source if held else None
    return AddedMarket(claim_market(name, source=source), found, before)


def _possible_coin(wanted: str) -> str:
    """What may be an id, a symbol or a name; a path is none of them."""
    if not wanted:
        raise _impossible("name a coin, by its id, its symbol or its name", "coin")
    if len(wanted) > LONGEST or not wanted.isprintable() or {"/", "\\"} & set(wanted):
        raise _impossible(
            f"no coin can be called {wanted[:LONGEST]!r}: name it by its id, its symbol or its name, of {LONGEST} "
            "characters at most and without a slash",
            "coin",
        )
    return wanted


def _possible_currency(wanted: str) -> str:
    if not CURRENCY.fullmatch(wanted):
        raise _impossible(f"no currency can be called {wanted[:LONGEST]!r}: write 1 to 12 letters, digits", "currency")
    return wanted


def _impossible(sentence: str, field: str) -> Invalid:
    return Invalid(sentence, code=f"bad_{field}", field=field)


def _the_one(source: MarketSource, wanted: str) -> Coin:
    coins = source.coins(wanted)
    if len(coins) > 1:
        raise AmbiguousCoin(wanted, coins)
    if coins:
        return coins[0]
    near = [str(coin) for coin in source.near(wanted)[:SHOWN]]
    meant = f": is one of these meant? {', '.join(near)}" if near else ", by its id, its symbol or its name"
    raise Unknown(f"{source.name} knows no coin '{wanted}'{meant}", code="coin_unknown", field="coin")


def _name_of(coin: Coin, currency: str, interval: str) -> str:
    name = f"{coin.id}-{currency}-{interval}"
    if not PATTERN.fullmatch(name):
        raise Invalid(
            f"no market can be named after '{coin.id}': it has more than 40 characters, or others than a to z, 0 to 9, "
            "'.', '_' and '-'",
            code="bad_market_name",
            field="coin",
        )
    return name
