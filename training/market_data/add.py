"""A new market of a source that can be asked: which coin is meant, and whether there are such candles."""

from dataclasses import dataclass

from cryptoml_site.errors import Invalid, Refused, Unknown
from training.market_data.markets import PATTERN, claim_market
from training.market_data.sources.catalogue import source_named
from training.market_data.sources.source import PATIENCE_SECONDS, Coin, MarketSource
from training.models import Interval, Market

SHOWN = 30  # coins of one symbol that are spelt out


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


def add_market(
    coin: str, currency: str, interval: str, *, source: str = "coingecko", patience: float = PATIENCE_SECONDS
) -> AddedMarket:
    """The market of that coin, made with its registered model when new; its candles are not fetched yet.

    coin: an id of the source, or a symbol or name that one coin alone has. patience: seconds that each question may
    wait. Raises AmbiguousCoin, Invalid, Unknown or Refused, each naming the field at fault, or Unavailable where the
    source does not answer; nothing is made then.
    """
    if interval not in Interval.values:
        raise Invalid(
            f"'{interval}' is no interval that we know: {', '.join(Interval.values)}",
            code="unknown_interval",
            field="interval",
        )
    asked = source_named(source, patience=patience)
    found = _the_one(asked, coin.strip())
    asked.check(found.id, currency.strip().lower(), Interval(interval))
    name = _name_of(found, currency.strip().lower(), interval)
    held = Market.objects.filter(name=name).first()
    before = held.source if held else None
    return AddedMarket(claim_market(name, source=source), found, before)


def _the_one(source: MarketSource, wanted: str) -> Coin:
    coins = source.coins(wanted) if wanted else []
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
