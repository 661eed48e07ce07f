"""From a CSV file to a market's candles: all of it, or nothing and the reasons by line."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from django.db import transaction

from cryptoml_site.clock import now
from cryptoml_site.errors import Invalid, Refused
from training.market_data.csv_file import CandleFile, read_candles
from training.market_data.markets import MarketName, claim_market
from training.market_data.store import StoreReport, store_candles

SHOWN = 20  # lines of each kind that a report spells out


@dataclass(frozen=True)
class LoadReport:
    """What became of each line of a file."""

    market: str
    file: CandleFile
    stored: StoreReport

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.market}: {self.file.rows} rows read, {self.stored}"
        if gaps := self.file.gaps:
            yield f"{sum(gap.candles for gap in gaps)} candles missing in {len(gaps)} gaps:"
            yield from _first(gaps)
        if absent := sum(candle.volume is None for candle in self.file.candles):
            yield f"{absent} candles without a volume: the file leaves it out, or says 0, which means unknown"
        if self.file.not_closed:
            yield f"{len(self.file.not_closed)} rows left out, not closed yet:"
            yield from _first(self.file.not_closed)
        if self.file.refused:
            yield f"{len(self.file.refused)} rows refused and left out:"
            yield from _first(self.file.refused)


def load_candles(name: str, source: Path | TextIO, *, skip_bad_lines: bool = False) -> LoadReport:
    """Load a file into the market of that name, which is made when new.

    Raises Invalid, with every line in its evidence, when a line is refused and `skip_bad_lines` is not set; Invalid or
    Refused for the file or the market as a whole. Nothing is stored then.
    """
    interval = MarketName.parse(name).interval
    found = read_candles(source, interval=interval.seconds, now=now())
    if found.refused and not skip_bad_lines:
        raise _bad_lines(found)
    if not found.candles:
        raise Refused(f"none of the {found.rows} rows is a closed candle", code="no_candles", field="csv")
    with transaction.atomic():
        market = claim_market(name, source="csv")
        return LoadReport(name, found, store_candles(market, found.candles))


def _bad_lines(found: CandleFile) -> Invalid:
    count, rows = len(found.refused), found.rows
    sentence = f"{count} of {rows} rows are refused, so nothing was stored (--skip-bad-lines loads the others):"
    evidence = [asdict(note) for note in found.refused]
    return Invalid("\n".join([sentence, *_first(found.refused)]), code="bad_lines", field="csv", evidence=evidence)


def _first(notes: Sequence[object]) -> Iterator[str]:
    yield from (f"  {note}" for note in notes[:SHOWN])
    if len(notes) > SHOWN:
        yield f"  and {len(notes) - SHOWN} more"
