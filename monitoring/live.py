"""How often what production said came true."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

import numpy as np

from monitoring.evidence import Evidence, settled
from monitoring.intervals import of_share
from monitoring.performance.figure import FEWEST, JUDGED
from registry.models import ModelVersion
from training.evaluation.bootstrap import Draws

SPAN = timedelta(days=30)
MOST = 2_000  # forecasts of one model, the newest
RESAMPLES = 1_000


@dataclass(frozen=True)
class LiveRate:
    """Share of right answers among n outcomes, its 95 % interval, and what the majority of the same would have had.

    None in place of the shares where the outcomes are too few to say anything.
    """

    n: int
    rate: float | None = None
    low: float | None = None
    high: float | None = None
    baseline: float | None = None

    @property
    def enough(self) -> bool:
        return self.rate is not None

    @property
    def verdict(self) -> str:
        """Empty where nothing is judged."""
        if self.n < JUDGED or self.low is None or self.high is None or self.baseline is None:
            return ""
        if self.low > self.baseline:
            return "above"
        return "below" if self.high < self.baseline else "no different from"

    @property
    def places(self) -> dict[str, float]:
        """Where to draw the figures, in per cent of a scale that holds them all."""
        if self.rate is None or self.low is None or self.high is None or self.baseline is None:
            return {}
        left, right = min(self.low, self.baseline) - 0.02, max(self.high, self.baseline) + 0.02
        drawn = {"low": self.low, "rate": self.rate, "baseline": self.baseline}
        spots = {name: round((value - left) / (right - left) * 100, 1) for name, value in drawn.items()}
        return spots | {"width": round((self.high - self.low) / (right - left) * 100, 1)}


def live_rates(versions: Sequence[ModelVersion], *, at: datetime) -> dict[int, LiveRate]:
    """By the version's model; of each version its own forecasts alone."""
    found = settled(versions, since=at - SPAN, most=MOST)
    return {version.model_id: _judged(found[version.model_id], version.model.horizon) for version in versions}


def _judged(evidence: Evidence, horizon: int) -> LiveRate:
    if len(evidence) < FEWEST:
        return LiveRate(n=len(evidence))
    hits = evidence.hits
    low, high = _interval(hits.tobytes(), horizon)
    share_up = float(evidence.went_up.mean())
    return LiveRate(len(hits), float(hits.mean()), low, high, baseline=max(share_up, 1 - share_up))


@lru_cache(maxsize=256)  # the same outcomes are looked at again and again
def _interval(hits: bytes, horizon: int) -> tuple[float, float]:
    right = np.frombuffer(hits, dtype=np.bool_)
    return of_share(right, Draws(len(right), horizon=horizon, seed=7, resamples=RESAMPLES))
