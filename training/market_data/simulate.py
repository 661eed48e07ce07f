"""Simulated markets in the database: made once, with their law and origin, and carried on to now whenever asked."""

from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import chain

from django.db import transaction

from cryptoml_site.clock import now
from cryptoml_site.errors import Invalid, Refused
from training.market_data.markets import MarketName, claim_market
from training.market_data.parsed import from_series
from training.market_data.simulation import MEMORY, Shift, SimulatedProcess, level_of
from training.market_data.store import StoreReport, store_candles
from training.models import Candle, Interval, Market, moment

MOST_CANDLES = 5_000_000
FEW = 10  # candles: what a worker that was started again has to make up for


@dataclass(frozen=True)
class SimulationReport:
    """How far a simulated market reaches, and what was added."""

    market: str
    origin: datetime  # open time of its first candle
    stored: StoreReport

    def __str__(self) -> str:
        return f"{self.market} (simulated since {self.origin:%Y-%m-%d %H:%M} UTC): {self.stored}"


def simulate_candles(
    name: str,
    *,
    candles: int,
    seed: int,
    signal: float = 0.2,
    pull: bool = False,
    volatility_shift: Shift | None = None,
    volume_shift: Shift | None = None,
    turns_at: int | None = None,
) -> SimulationReport:
    """See to it that the simulated market of that name holds the `candles` candles that closed last.

    The first run fixes the origin; later ones carry on from the newest candle, so a pause is filled. Raises Invalid
    for figures out of range, Refused when the market has another law, or began later than so many candles ago.
    """
    process = SimulatedProcess(
        seed=seed,
        interval=MarketName.parse(name).interval.seconds,
        signal=signal,
        pull=pull,
        volatility_shift=volatility_shift,
        volume_shift=volume_shift,
        turns_at=turns_at,
    )
    origin = _origin(candles, process.interval)
    with transaction.atomic():
        market = claim_market(name, source="simulated", simulation={"origin": origin, "process": asdict(process)})
        began, law = law_of(market)
        _check_law(market, law, asked=process)
        _check_origin(market, began, asked=origin)
        return SimulationReport(name, moment(began), extend_simulated(market))


def extend_simulated(market: Market) -> StoreReport:
    """Carry a simulated market on to the newest closed candle, from wherever it stopped."""
    with transaction.atomic():
        market = Market.objects.select_for_update().get(pk=market.pk)  # another may be carrying it on
        origin, law = law_of(market)
        newest = market.candles.order_by("-opened_at").first()
        first, level = origin // law.interval, 0
        if newest is not None:
            first, level = int(newest.opened_at.timestamp()) // law.interval + 1, level_of(newest.close)
        pieces = law.stretches(first, _closed_steps(law.interval) - first, level=level)
        return store_candles(market, chain.from_iterable(from_series(piece) for piece in pieces))


def extend_all_simulated() -> int:
    """Carry every simulated market on to the newest closed candle; how many candles that took.

    Markets that lack a few candles are written together: a thousand of them close in the same second. Two at once
    write the same candles, for they are a function of the stored ones, and the second one's are dropped.
    """
    made, together = 0, list[Candle]()
    for market in Market.objects.filter(source="simulated").with_newest():
        _, law = law_of(market)
        if market.newest_opened_at is None or market.newest_close is None:
            made += extend_simulated(market).inserted
            continue
        first = int(market.newest_opened_at.timestamp()) // law.interval + 1
        missing = _closed_steps(law.interval) - first
        if missing > FEW:
            made += extend_simulated(market).inserted
        elif missing > 0:
            series = law.candles(first, missing, level=level_of(market.newest_close))
            together += [Candle(market=market, **candle._asdict()) for candle in from_series(series)]
    # not marked: the law makes no outlier (a test says so over seeds), and a query a market would cost more than these
    Candle.objects.bulk_create(together, ignore_conflicts=True, batch_size=5_000)
    return made + len(together)


def law_of(market: Market) -> tuple[int, SimulatedProcess]:
    """A simulated market's origin (open time of its first candle, in unix seconds) and its process."""
    if market.simulation is None:
        raise Refused(f"{market} is not simulated: it comes from '{market.source}'", code="other_source")
    law = dict(market.simulation["process"])
    for name in ("volatility_shift", "volume_shift"):
        law[name] = Shift(**law[name]) if law[name] else None
    return market.simulation["origin"], SimulatedProcess(**law)


def _closed_steps(interval: int) -> int:
    """Candles at a lower step are closed by now."""
    return int(now().timestamp()) // interval


def _origin(candles: int, interval: int) -> int:
    """Open time of the earliest of the newest `candles` closed candles, in unix seconds; none is before 1970."""
    most = min(MOST_CANDLES, _closed_steps(interval) - MEMORY)
    if not 1 <= candles <= most:
        raise Invalid(f"{candles} candles: ask for 1 to {most}", code="out_of_range", field="candles")
    return (_closed_steps(interval) - candles) * interval


def _check_law(market: Market, law: SimulatedProcess, *, asked: SimulatedProcess) -> None:
    stored, wanted = asdict(law), asdict(asked)
    differing = [name for name in stored if stored[name] != wanted[name]]
    if differing:
        said = ", ".join(f"{name} {stored[name]}, not {wanted[name]}" for name in differing)
        raise Refused(f"{market} was made with {said}: name another market", code="other_law", field=differing[0])


def _check_origin(market: Market, began: int, *, asked: int) -> None:
    if asked < began:
        held = int(now().timestamp() - began) // Interval(market.interval).seconds
        raise Refused(
            f"{market} began at {moment(began):%Y-%m-%d %H:%M} UTC, {held} closed candles ago, and nothing lies before "
            "its origin: ask for no more than these, or name another market",
            code="before_origin",
            field="candles",
            evidence={"most": held},
        )
