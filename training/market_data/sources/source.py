"""What every source of candles can do: find a coin, say what it offers, and give closed candles page by page."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches

from training.market_data.parsed import ParsedCandle
from training.models import Interval

PATIENCE_SECONDS = 300.0
FEWEST_PER_QUESTION = 300  # candles; what every provider gives at once


@dataclass(frozen=True)
class Coin:
    """A coin as its source names it. `id` is unique there and what a market holds; symbols are shared by many."""

    id: str
    symbol: str
    name: str

    def __str__(self) -> str:
        return f"{self.id} ({self.symbol}, {self.name})"


def closest(wanted: str, coins: Iterable[Coin]) -> list[Coin]:
    """A few whose id or name looks alike, the likest first.

    >>> [coin.id for coin in closest("bitcion", [Coin("bitcoin", "btc", "Bitcoin"), Coin("solana", "sol", "Solana")])]
    ['bitcoin']
    """
    called = {name.lower(): coin for coin in coins for name in (coin.name, coin.id)}
    return list(dict.fromkeys(called[name] for name in get_close_matches(wanted.lower(), called, n=5, cutoff=0.75)))


class MarketSource(ABC):
    """A provider of candles. Made without arguments, by its name, wherever it is needed: it keeps nothing but caches.

    Every method raises Unavailable (codes source_unavailable, rate_limited) once its own retries are used up; what
    trying again would not mend is Refused, Invalid or Unknown, and names the field at fault.
    """

    name = ""  # what `source_named` finds it by, as a market holds it; a dotted path is set by the catalogue
    attribution = ""  # the sentence that the provider asks for wherever its data is shown
    patience = PATIENCE_SECONDS  # how long one question may wait for its turn and for a provider in trouble
    patience_unreached = PATIENCE_SECONDS  # the same where its host is not found, or nothing listens there

    @abstractmethod
    def coins(self, wanted: str) -> list[Coin]:
        """Those of that id, else all of that symbol or name; none where nobody is called so."""

    def near(self, wanted: str) -> list[Coin]:
        """What may have been meant where `coins` finds nobody of that name."""
        return []

    @abstractmethod
    def check(self, coin: str, currency: str, interval: Interval) -> None:
        """Raise Unknown or Invalid where there are no such candles to be had. coin: an id."""

    @abstractmethod
    def oldest(self, interval: Interval, *, at: datetime) -> datetime | None:
        """Open time of the oldest candle that may be asked for at that moment; None: no limit is known."""

    def page(self, interval: Interval) -> int:
        """How many candles one question brings; holes that fit into one are asked for together."""
        return FEWEST_PER_QUESTION

    @abstractmethod
    def candles(
        self, coin: str, currency: str, interval: Interval, *, start: datetime, end: datetime
    ) -> Iterator[list[ParsedCandle]]:
        """Closed candles with start <= opened_at < end, as pages; all of them ascend, on the grid and without doubles.

        A page may be empty, and a candle that the source does not have is left out, never filled.
        """
