"""Candles out of a CSV file: every line becomes a candle, or is refused with its number and a reason.

Two shapes are read. `timestamp,price,market_cap,total_volume` (CoinGecko) is stamped with the moment of the price: the
row of day D is the CLOSE of D-1. `timestamp,open,high,low,close,volume` (exchanges) is stamped with the OPEN. Stamps
say UTC, by `Z` or `+00:00`; a naive one or another offset is refused, since neither provider writes such and a day
that starts elsewhere is another candle. Only a missing line end tells that a file was cut off, and half a number is
still a number: a last line without one is refused.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TextIO

from cryptoml_site.errors import Invalid
from training.market_data.csv_line import EPOCH, SHAPES, Figures, LineError, Shape, split, utc_stamp
from training.market_data.figures import FigureError
from training.market_data.parsed import Gap, ParsedCandle, find_gaps


class NotClosedError(Exception):
    """The line's candle ends in the future: nothing is wrong with it, but it may still change."""


@dataclass(frozen=True)
class LineNote:
    """What is to be said about one line of the file; the header is line 1."""

    line: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


@dataclass(frozen=True)
class CandleFile:
    """What a file held. `candles` ascend and are unique; every other line is in one of the two lists."""

    interval: int  # seconds
    candles: list[ParsedCandle]
    refused: list[LineNote]
    not_closed: list[LineNote]

    @property
    def rows(self) -> int:
        return len(self.candles) + len(self.refused) + len(self.not_closed)

    @property
    def gaps(self) -> list[Gap]:
        return find_gaps(self.candles, interval=self.interval)


def read_candles(source: Path | TextIO, *, interval: int, now: datetime) -> CandleFile:
    """Read a path or an open text. interval: seconds per candle. Candles that close after `now` are set aside.

    Raises Invalid when the file as a whole is no candle file of that interval; lines never raise.
    """
    text = _text_of(source) if isinstance(source, Path) else source.read()
    return parse_candles(text, interval=interval, now=now)


def parse_candles(text: str, *, interval: int, now: datetime) -> CandleFile:
    """As `read_candles`, from the file's text."""
    if "\0" in text:
        raise _no_candle_file("found binary data")
    header, *lines = text.removeprefix("\ufeff").split("\n")
    reader = _Reader(shape=_shape_of(header), interval=interval, now=now)
    for number, line in enumerate(lines, start=2):
        if line.strip():
            reader.take(number, line, ended=number <= len(lines))
    found = reader.finish()
    if found.rows == 0:
        raise _no_candle_file("found a header and no rows")
    _check_interval(found)
    return found


def _text_of(path: Path) -> str:
    if not path.is_file():
        raise _no_candle_file(f"{path} is not a file")
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise _no_candle_file(f"found bytes that are not UTF-8 at offset {error.start}") from None
    except OSError as error:
        raise _no_candle_file(f"{path} cannot be read: {error.strerror}") from None


def _no_candle_file(found: str) -> Invalid:
    expected = " or ".join(f"'{','.join(header)}'" for header in SHAPES)
    return Invalid(f"{found}; expected a UTF-8 CSV file with the header {expected}", code="bad_csv", field="csv")


def _check_interval(found: CandleFile) -> None:
    """A daily file lies on the hourly grid too, with 23 holes a day: that is the wrong market, not a thin one."""
    opened = [candle.opened_at for candle in found.candles]
    if len(opened) < 3:
        return
    nearest = min(later - earlier for earlier, later in pairwise(opened))
    if nearest > timedelta(seconds=found.interval):
        raise Invalid(
            f"the rows are at least {nearest.total_seconds():.0f} s apart and the market's candles {found.interval} s: "
            "name the market of the file's own interval",
            code="wrong_interval",
            field="csv",
        )


@dataclass
class _Reader:
    """Takes line after line and remembers which candles it has seen."""

    shape: Shape
    interval: int
    now: datetime
    candles: list[ParsedCandle] = field(default_factory=list)
    refused: list[LineNote] = field(default_factory=list)
    not_closed: list[LineNote] = field(default_factory=list)
    lines: dict[int, tuple[int, Figures]] = field(default_factory=dict)  # place on the grid -> line, figures
    newest: int | None = None  # place on the grid

    def __post_init__(self) -> None:
        self.step = timedelta(seconds=self.interval)
        self.closed_places = (self.now - EPOCH) // self.step  # candles at a lower place are closed

    def take(self, number: int, line: str, *, ended: bool) -> None:
        try:
            place, figures = self._read(line, ended=ended)
            self._check_order(place, figures)
        except (LineError, FigureError) as reason:
            self.refused.append(LineNote(number, str(reason)))
        except NotClosedError as reason:
            self.not_closed.append(LineNote(number, str(reason)))
        else:
            self.candles.append(ParsedCandle(EPOCH + place * self.step, *figures))
            self.lines[place] = number, figures
            self.newest = place

    def finish(self) -> CandleFile:
        """A stamp in the future is a candle still forming at the end of the file, and a wrong stamp anywhere else."""
        last = self.lines[self.newest][0] if self.newest is not None else 0
        early = [
            LineNote(note.line, f"{note.reason}, though closed ones follow")
            for note in self.not_closed
            if note.line < last
        ]
        return CandleFile(
            interval=self.interval,
            candles=self.candles,
            refused=sorted(self.refused + early, key=lambda note: note.line),
            not_closed=[note for note in self.not_closed if note.line > last],
        )

    def _read(self, line: str, *, ended: bool) -> tuple[int, Figures]:
        """The candle's place on the grid, counted from 1970, and its figures."""
        fields = split(line)
        if len(fields) != self.shape.fields:
            cut = "" if ended else ", and no line end: the file is cut off"
            raise LineError(f"{len(fields)} fields instead of {self.shape.fields}{cut}")
        stamp = utc_stamp(fields[0])
        place, beyond = divmod(stamp - EPOCH, self.step)
        if self.shape.stamped_at_close:
            place -= not beyond
        if place >= self.closed_places:
            raise NotClosedError(f"the candle of {fields[0]} is not closed yet")
        if not ended:
            raise LineError(
                "no line end: the file may be cut off within the last number; add the line end if it is whole"
            )
        if beyond:
            raise LineError(f"{fields[0]} is not on the grid of {self.interval} s")
        return place, self.shape.figures(fields)

    def _check_order(self, place: int, figures: Figures) -> None:
        if place in self.lines:
            line, earlier = self.lines[place]
            verb = "repeats" if figures == earlier else "contradicts"
            raise LineError(f"the same time again: {verb} line {line}")
        if self.newest is not None and place < self.newest:
            raise LineError(f"out of order: earlier than line {self.lines[self.newest][0]}")


def _shape_of(header: str) -> Shape:
    """Spaces and case of the header are forgiven, names and order are not."""
    names = tuple(name.strip(' "\r').lower() for name in header.split(","))
    if names not in SHAPES:
        raise _no_candle_file(f"found the header {header.strip()[:80]!r}" if header.strip() else "found no header")
    return SHAPES[names]
