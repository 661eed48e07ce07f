"""A market made of arithmetic: a deterministic function of seed and step, so that any stretch of it comes out alike.

Step k is the candle that opens at k * interval, in seconds since 1970. Its noise is read from Philox at counter 2k,
so no step is drawn for it but the six before. The level is an integer: the log of price / 45,000 in units of 1e-9.
Increments are integers too, so sums are exact however a stretch is cut:

    flow(k) = (v(k) + v(k-1) + ... + v(k-6)) / sqrt(7)           v, e: independent, approximately normal, variance 1
    volume(k) = base * exp(0.5 * flow(k))                        it swells and ebbs over some seven candles
    return(k) = sigma * (S * flow(k-1) + sqrt(1 - S**2) * e(k))  S: the signal
    pull(k) = -level(k-1) // 2**p                                only with `pull`

flow(k-1) is the planted part of the next return: known one step ahead, it has the correlation S with it and names its
direction with probability 1/2 + asin(S)/pi. A forecaster sees it in the volume, not in the last return: no naive rule
finds it (momentum is right 1/2 + asin(6/7 S**2)/pi of the time). Each v and e is the sum of twelve 16-bit pieces of
three words, less its mean: variance 2**32 - 1 in units of 2**-16, so 1 but for 2**-32.

The pull halves an offset in 2**p * ln 2 steps, p chosen so that this is nearest to 90 days (on a scale of powers of
two: 63 days at one minute, 89 at one day). Prices are rounded to 12 significant digits: a relative error of at most
5e-12, against the 1e-9 of one unit, so the level is recovered exactly from a stored close.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Self

import numpy as np
from numpy.random import Philox
from numpy.typing import NDArray

from cryptoml_site.errors import Invalid
from training.series import CandleSeries, Floats

Integers = NDArray[np.int64]

START_PRICE = 45_000.0
LEVEL_UNIT = 1e-9  # of log price
ANNUAL_VOLATILITY = 0.6
YEAR = 365 * 86_400  # seconds
PULL_HALF_LIFE = 90 * 86_400  # seconds
DAILY_VOLUME = 25e9  # in the market's currency
VOLUME_SPREAD = 0.5  # standard deviation of log volume
MEMORY = 7  # steps whose noise flows into a volume
BLOCKS = 2  # Philox counters per step; each gives four 64-bit words
PIECES = np.arange(0, 64, 16, dtype=np.uint64)
FRACTION_BITS = 8  # of a coefficient, in units of 1e-9
NOISE_BITS = 16
MAX_FACTOR = 10.0  # at ten times the volatility, neither int64 nor float64 overflows within a century


@dataclass(frozen=True)
class Shift:
    """From the candle that opens at `at` (unix seconds) on, something is `factor` times what it was."""

    at: int
    factor: float

    def __post_init__(self) -> None:
        if not 0 < self.factor <= MAX_FACTOR:
            raise Invalid(f"the factor of a shift lies above 0 and is at most {MAX_FACTOR:g}, not {self.factor}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `FACTOR@MOMENT`.

        >>> Shift.parse("3@1970-01-02T00:00:00Z")
        Shift(at=86400, factor=3.0)
        """
        factor, _, stamp = text.partition("@")
        try:
            moment = datetime.fromisoformat(stamp)
            if moment.tzinfo is None:
                raise Invalid("the moment of a shift names its zone, such as 2026-11-01T00:00:00Z")
            return cls(at=int(moment.timestamp()), factor=float(factor))
        except ValueError:
            raise Invalid(f"a shift is written FACTOR@MOMENT, such as 3@2026-11-01T00:00:00Z, not {text!r}") from None


@dataclass(frozen=True)
class SimulatedProcess:
    """The law of one simulated market; where it starts is its caller's to keep.

    signal: correlation of the next return with its planted part, 0 <= signal < 1; 0 without pull is a driftless
    random walk and nothing else. interval: seconds. turns_at: from the candle that opens then (unix seconds) on, what
    announced a rise announces a fall, so that a model which was right is wrong.
    """

    seed: int
    interval: int
    signal: float = 0.2
    pull: bool = False
    volatility_shift: Shift | None = None
    volume_shift: Shift | None = None
    turns_at: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**63:
            raise Invalid(f"the seed is a whole number from 0 to 2**63 - 1, not {self.seed}", field="seed")
        if not 0 <= self.signal < 1:
            raise Invalid(f"the signal lies in [0, 1), not {self.signal}", field="signal")

    def candles(self, first_step: int, count: int, *, level: int = 0) -> CandleSeries:
        """The `count` candles from `first_step` (>= 7) on. level: where the one before closed, 0 at the origin."""
        words = self._words(first_step - MEMORY, count + MEMORY)
        flow, words = _flow(words), words[MEMORY:]
        opened_at = self.interval * np.arange(first_step, first_step + count, dtype=np.int64)
        sigma = self._sigma(opened_at)
        levels = self._walk(level, self._returns(flow[:-1] * self._direction(opened_at), _centred(words[:, :3]), sigma))
        before, after = levels[:-1], levels[1:]
        prices = _prices(levels)
        return CandleSeries(
            interval=self.interval,
            opened_at=opened_at,
            open=prices[:-1],
            high=_prices(np.maximum(before, after) + _excess(words[:, 3:4], sigma)),
            low=_prices(np.minimum(before, after) - _excess(words[:, 4:5], sigma)),
            close=prices[1:],
            volume=self._volumes(opened_at, flow[1:]),
        )

    def stretches(
        self, first_step: int, count: int, *, level: int = 0, at_once: int = 50_000
    ) -> Iterator[CandleSeries]:
        """The same candles in pieces, for as much memory as one piece takes."""
        for start in range(first_step, first_step + count, at_once):
            piece = self.candles(start, min(at_once, first_step + count - start), level=level)
            yield piece
            level = level_of(float(piece.close[-1]))

    def planted(self, first_step: int, count: int) -> Floats:
        """(count,) The predictable part of each step's return, known when the step before it closes; variance 1."""
        flow = _flow(self._words(first_step - MEMORY, count + MEMORY - 1))
        opened_at = self.interval * np.arange(first_step, first_step + count, dtype=np.int64)
        return np.ldexp((flow * self._direction(opened_at)).astype(np.float64), -NOISE_BITS)

    def _words(self, first_step: int, count: int) -> NDArray[np.uint64]:
        """(count, 8): three words for the return, one each for high and low, three for the volume."""
        words = Philox(key=self.seed, counter=first_step * BLOCKS).random_raw(count * BLOCKS * 4)
        return np.asarray(words, dtype=np.uint64).reshape(count, BLOCKS * 4)

    def _sigma(self, opened_at: Integers) -> Integers:
        """(n,) Volatility per step, in level units with FRACTION_BITS binary places."""
        sigma = ANNUAL_VOLATILITY * math.sqrt(self.interval / YEAR) / LEVEL_UNIT * 2**FRACTION_BITS
        return _whole(sigma * _factors(self.volatility_shift, opened_at))

    def _direction(self, opened_at: Integers) -> Integers:
        """(n,) 1 where the flow announces a rise, -1 where it announces a fall."""
        if self.turns_at is None:
            return np.ones_like(opened_at)
        return np.where(opened_at < self.turns_at, 1, -1)

    def _returns(self, flow: Integers, noise: Integers, sigma: Integers) -> Integers:
        """(n,) Returns in level units, rounded: from the flow of the step before each and the noise of its own."""
        planted = _whole(sigma * self.signal)
        fresh = _whole(sigma * math.sqrt(1 - self.signal**2))
        half = 1 << (FRACTION_BITS + NOISE_BITS - 1)
        return (planted * flow + fresh * noise + half) >> (FRACTION_BITS + NOISE_BITS)

    def _walk(self, level: int, returns: Integers) -> Integers:
        """(n + 1,) Levels, from the one before the first return on."""
        if not self.pull:
            return level + np.concatenate([[0], np.cumsum(returns)])
        places = round(math.log2(PULL_HALF_LIFE / self.interval / math.log(2)))
        walk = accumulate(returns.tolist(), lambda at, step: at - (at >> places) + step, initial=level)
        return np.fromiter(walk, dtype=np.int64, count=len(returns) + 1)

    def _volumes(self, opened_at: Integers, flow: Integers) -> Floats:
        base = DAILY_VOLUME * self.interval / 86_400 * _factors(self.volume_shift, opened_at)
        spread = (VOLUME_SPREAD / 2**NOISE_BITS * flow).tolist()
        return _rounded([scale * math.exp(x) for scale, x in zip(base.tolist(), spread, strict=True)])


def level_of(close: float) -> int:
    """The exact level behind a stored close.

    >>> level_of(45_000.0), level_of(45_000.0 * math.exp(0.25))
    (0, 250000000)
    """
    return round(math.log(close / START_PRICE) / LEVEL_UNIT)


def _flow(words: NDArray[np.uint64]) -> Integers:
    """(n - 6,) From (n, 8) words: seven steps' noise together, standard deviation 2**16 again."""
    noise = _centred(words[:, 5:8])
    together: Integers = np.sum([noise[lag : len(noise) - MEMORY + 1 + lag] for lag in range(MEMORY)], axis=0)
    share = round(2**NOISE_BITS / math.sqrt(MEMORY))
    flow: Integers = together * share >> NOISE_BITS
    return flow


def _centred(words: NDArray[np.uint64]) -> Integers:
    """(n,) From (n, m) words: the sum of each row's 4 m pieces of 16 bits, less its mean of 131,070 m.

    Three words make an approximately normal whole number, standard deviation 2**16.
    """
    pieces = (words[..., np.newaxis] >> PIECES) & np.uint64(0xFFFF)
    sums: Integers = pieces.sum(axis=(1, 2)).astype(np.int64)
    return sums - 131_070 * int(words.shape[1])


def _excess(word: NDArray[np.uint64], sigma: Integers) -> Integers:
    """(n,) How far a wick reaches beyond the body, in level units: never below 1, 0.46 sigma on average."""
    reach: Integers = np.abs(_centred(word)) * sigma >> (FRACTION_BITS + NOISE_BITS)
    return reach + 1


def _whole(figures: NDArray[np.floating]) -> Integers:
    return np.asarray(np.rint(figures), dtype=np.int64)


def _factors(shift: Shift | None, opened_at: Integers) -> Floats:
    if shift is None:
        return np.ones(len(opened_at))
    return np.where(opened_at >= shift.at, shift.factor, 1.0)


def _prices(levels: Integers) -> Floats:
    """Python's exp and not NumPy's, whose last bit may depend on where in an array a number stands."""
    return _rounded([START_PRICE * math.exp(level * LEVEL_UNIT) for level in levels.tolist()])


def _rounded(figures: list[float]) -> Floats:
    return np.array([float(f"{figure:.12g}") for figure in figures], dtype=np.float64)
