"""From a market's source to its candles: what is missing, page by page, so that a kill loses one page."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import Error, connection

from cryptoml_site.clock import now
from cryptoml_site.errors import Invalid, Refused
from training.market_data.missing import Stretch, ceiling, floor, merged, missing_stretches
from training.market_data.sources.catalogue import source_named
from training.market_data.sources.checked import Checked
from training.market_data.sources.source import PATIENCE_SECONDS, MarketSource
from training.market_data.store import StoreReport, store_candles
from training.models import FetchState, Interval, Market

AGAIN = 3  # newest candles that are asked for again: a provider may still correct them
FIRST_LOOK = 45_000  # candles of an empty market whose source has no limit: five years of hours
NO_MARKET_BEFORE = datetime(2010, 1, 1, tzinfo=UTC)
LOCK = 0x46455443  # 'FETC': with a market's primary key, the advisory lock of who fetches it

Progress = Callable[[int, int], None]  # candles gone through, of how many


def silent(done: int, total: int) -> None:
    """Nobody looks on."""


@dataclass(frozen=True)
class FetchReport:
    """What a source gave. missing: candles that it was asked for and that are not held all the same."""

    market: str
    source: str
    stored: StoreReport
    pages: int
    missing: int
    newest_closed_at: datetime | None

    def __str__(self) -> str:
        said = [f"{self.market} from {self.source}: {self.stored} in {self.pages} page{'s' * (self.pages != 1)}"]
        if self.missing:
            said.append(f"{self.missing} that were asked for are still missing")
        if self.newest_closed_at:
            said.append(f"the newest closed at {self.newest_closed_at:%Y-%m-%d %H:%M} UTC")
        return "; ".join(said)


def fetch_candles(
    market: Market,
    *,
    since: datetime | None = None,
    source: MarketSource | None = None,
    patience: float = PATIENCE_SECONDS,
    progress: Progress = silent,
) -> FetchReport:
    """Ask a market's source for what closed after the newest candle held; with `since`, for all holes since then.

    An empty market gets all that its source gives. Each page is committed: a run that was killed loses one page, and
    the next goes on from there. patience: seconds that each question may wait, where no source is given. Raises
    Unavailable where the source does not answer, Invalid, Unknown or Refused for what it does not give, and Refused
    while another process fetches the same market.
    """
    if not market.fetched:
        raise Refused(
            f"{market} comes from '{market.source}', which cannot be asked: load_candles or simulate_candles bring its "
            "candles",
            code="not_fetched",
            field="market",
        )
    with _alone(market), _remembered(market) as state:
        asked = Checked(source or source_named(market.source, patience=patience))
        wanted = _wanted(market, asked, since=since, at=now())
        report = _fetch(market, asked, wanted, progress)
        state.answered(inserted=report.stored.inserted)
    return report


def _wanted(market: Market, source: MarketSource, *, since: datetime | None, at: datetime) -> list[Stretch]:
    """Where to ask, oldest first. Raises Invalid where `since` lies in the future or beyond what the source gives."""
    end, newest = floor(at, market.step), market.newest()
    oldest = source.oldest(Interval(market.interval), at=at)
    reach = ceiling(oldest, market.step) if oldest else None
    if since is not None:
        return _holes(market, source, since=ceiling(since, market.step), end=end, reach=reach)
    if newest is None:
        start = reach or max(end - FIRST_LOOK * market.step, NO_MARKET_BEFORE)
    else:
        start = newest - (AGAIN - 1) * market.step
    return [Stretch(max(start, reach or start), end, market.step)]


def _holes(
    market: Market, source: MarketSource, *, since: datetime, end: datetime, reach: datetime | None
) -> list[Stretch]:
    """What is missing since then, together with the newest candles, in few questions."""
    if since >= end:
        raise _invalid(f"no candle of {market} that opened since {since:%Y-%m-%d %H:%M} UTC has closed yet")
    holes = missing_stretches(market, start=since, end=end)
    if reach and holes and holes[0].start < reach:
        raise _invalid(
            f"{source.name} gives no candle that opened before {reach:%Y-%m-%d %H:%M} UTC: ask since then, and bring "
            "what is older from a CSV file or an exchange",
            code="history_limit",
        )
    newest = market.newest()
    if newest is not None and newest >= since:
        holes.append(Stretch(max(newest - (AGAIN - 1) * market.step, since), newest + market.step, market.step))
    return list(merged(holes, size=source.page(Interval(market.interval))))


def _fetch(market: Market, source: MarketSource, wanted: list[Stretch], progress: Progress) -> FetchReport:
    stored, pages, done, total = StoreReport(), 0, 0, sum(stretch.candles for stretch in wanted)
    interval = Interval(market.interval)
    for stretch in wanted:
        progress(done, total)
        for page in source.candles(market.coin, market.currency, interval, start=stretch.start, end=stretch.end):
            stored += store_candles(market, page)
            pages += 1
            if page:
                progress(done + Stretch(stretch.start, page[-1].opened_at, market.step).candles + 1, total)
        done += stretch.candles
    progress(total, total)
    newest = market.newest()
    return FetchReport(
        market=market.name,
        source=source.name,
        stored=stored,
        pages=pages,
        missing=sum(hole.candles for part in wanted for hole in part.missing_of(market)),
        newest_closed_at=market.known_at(newest) if newest else None,
    )


@contextmanager
def _alone(market: Market) -> Iterator[None]:
    """The only one that fetches this market, by a lock that Postgres lets go of when this process dies."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK, market.pk])
        if not cursor.fetchone()[0]:
            raise Refused(f"{market} is being fetched by another process: wait until it is done", code="fetching")
    try:
        yield
    finally:
        with suppress(Error), connection.cursor() as cursor:  # a connection that broke has let go of it
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK, market.pk])


@contextmanager
def _remembered(market: Market) -> Iterator[FetchState]:
    """What keeps the source from answering is kept too, for those who look at the market; a wrong `since` is not."""
    state, _ = FetchState.objects.get_or_create(market=market)
    try:
        yield state
    except Exception as failure:
        if not isinstance(failure, Error) and getattr(failure, "field", None) != "since":
            state.failed(str(failure) or type(failure).__name__)
        raise


def _invalid(sentence: str, *, code: str = "in_future") -> Invalid:
    return Invalid(sentence, code=code, field="since")
