"""What the settled answers of a stretch of time amount to. The arithmetic is that of a version's own report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import nan, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from monitoring.evidence import Evidence
from monitoring.intervals import of_balance, of_share, wilson
from monitoring.performance.figure import FEWEST, Figure
from training.evaluation.bootstrap import Draws
from training.evaluation.calibration import BINS, equal_mass
from training.evaluation.confidence import BUCKETS, confidence_of
from training.evaluation.figures import balance, calibration_error
from training.evaluation.metrics import log_losses, squared_errors
from training.evaluation.trading import Costs, net_returns
from training.series import Floats

SEED = 7
COSTS = Costs()
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class CalibrationBin:
    """Answers of about the same probability of up, and how many of them went up."""

    n: int
    probability: float
    frequency: float
    low: float
    high: float


@dataclass(frozen=True)
class Bucket:
    """Answers of about the same confidence; `start` and `end` are the least and the greatest of it."""

    start: float
    end: float
    confidence: float
    hit_rate: Figure


@dataclass(frozen=True)
class Figures:
    """Of `called` answers, and of the `closes` that they and the abstentions were about."""

    by_name: Mapping[str, Figure]
    calibration: tuple[CalibrationBin, ...]
    by_confidence: tuple[Bucket, ...]


def figures_of(evidence: Evidence, *, horizon: int) -> Figures:
    """The same outcomes are looked at again and again, and measured once."""
    arrays = (evidence.log_return, evidence.called_up, evidence.probability_up, evidence.abstained)
    return _measured(*(array.tobytes() for array in arrays), horizon)


@lru_cache(maxsize=32)
def _measured(log_return: bytes, called_up: bytes, probability: bytes, abstained: bytes, horizon: int) -> Figures:
    returns, said = np.frombuffer(log_return), ~np.frombuffer(abstained, np.bool_)
    up = np.frombuffer(called_up, np.bool_)
    called = _Called(returns[said] > 0, up[said], np.frombuffer(probability)[said], horizon)
    return Figures(
        {**called.figures(), **_returns(returns, up, horizon)}, tuple(called.calibration()), tuple(called.buckets())
    )


class _Called:
    """(n,) answers that called a direction, oldest first."""

    def __init__(self, rose: Flags, called_up: Flags, probability: Floats, horizon: int) -> None:
        self.rose, self.called_up, self.probability = rose, called_up, probability
        self.truth, self.hits = rose.astype(np.int8), called_up == rose
        self.draws = Draws(len(rose), horizon=horizon, seed=SEED)

    def figures(self) -> dict[str, Figure]:
        n, share_up = len(self.rose), float(self.rose.mean()) if len(self.rose) else nan
        if n < FEWEST:
            names = ("hit_rate", "balanced_accuracy", "brier", "log_loss", "ece")
            return {name: Figure(n, less_is_better=place > 1) for place, name in enumerate(names)}
        constant, bounds = np.full(n, share_up), of_share(self.hits, self.draws)
        losses = {
            "brier": (squared_errors(self.truth, self.probability), squared_errors(self.truth, constant)),
            "log_loss": (log_losses(self.truth, self.probability), log_losses(self.truth, constant)),
        }
        error = calibration_error(self.truth, self.probability, self.draws)
        return {
            "hit_rate": Figure.of(float(self.hits.mean()), bounds, n=n, baseline=max(share_up, 1 - share_up)),
            "balanced_accuracy": self._balance(),
            **{
                name: Figure.of_interval(self.draws.mean(own), baseline=naive.mean(), less_is_better=True)
                for name, (own, naive) in losses.items()
            },
            "ece": Figure.of_interval(error, baseline=_error_by_luck(self.probability), less_is_better=True),
        }

    def _balance(self) -> Figure:
        """Of no meaning where all went one way."""
        found, n = balance(self.truth, self.called_up, self.draws), len(self.rose)
        if np.isnan(found.value):
            return Figure(n)
        own = (found.low, found.high)
        bounds = own if self.draws.enough else of_balance(self.rose, self.hits, self.draws.horizon)
        return Figure.of(found.value, bounds, n=n, baseline=0.5)

    def calibration(self) -> Iterator[CalibrationBin]:
        """Of about equal mass, as the report has it; each with Wilson's interval, for it is of few answers."""
        if len(self.rose) < FEWEST:
            return
        places = equal_mass(self.probability, bins=BINS)
        for within in (places == place for place in np.unique(places)):
            n, ups, horizon = int(within.sum()), float(self.rose[within].sum()), self.draws.horizon
            yield CalibrationBin(
                n, float(self.probability[within].mean()), ups / n, *wilson(ups / horizon, n / horizon)
            )

    def buckets(self) -> Iterator[Bucket]:
        """Of about equal mass, the least confident first: ten, or as many as hold enough answers each."""
        confidence, most = confidence_of(self.probability), min(BUCKETS, len(self.rose) // FEWEST)
        if most == 0:
            return
        places = equal_mass(confidence, bins=most)
        for within in (places == place for place in np.unique(places)):
            yield Bucket(
                float(confidence[within].min()),
                float(confidence[within].max()),
                float(confidence[within].mean()),
                self._hit_rate(within),
            )

    def _hit_rate(self, within: Flags) -> Figure:
        share_up, n = float(self.rose[within].mean()), int(within.sum())
        baseline = max(share_up, 1 - share_up)
        return Figure.of(self.hits[within].mean(), of_share(self.hits, self.draws, within), n=n, baseline=baseline)


def _returns(log_return: Floats, called_up: Flags, horizon: int) -> dict[str, Figure]:
    """Of the coin while up was called and of cash otherwise, after costs, beside holding throughout."""
    n, hold = len(log_return), log_return / horizon
    if n < FEWEST:
        return {"return_per_candle": Figure(n), "return_total": Figure(n)}
    mean = Draws(n, horizon=horizon, seed=SEED).mean(net_returns(called_up, log_return, horizon=horizon, costs=COSTS))
    return {
        "return_per_candle": Figure.of_interval(mean, baseline=hold.mean()),
        "return_total": Figure.of_interval(mean.times(n), baseline=hold.sum()),
    }


def _error_by_luck(probability: Floats) -> float:
    """The calibration error that a perfect forecaster of these probabilities would be expected to show.

    In a bin of n rows the share that goes up lies off by a standard deviation of the root of the mean of p (1 - p),
    over n; the mean distance of a normal variable is that times the root of 2 / pi.
    """
    places, uncertain = equal_mass(probability, bins=BINS), probability * (1 - probability)
    rows = np.bincount(places, minlength=BINS)
    spread = np.bincount(places, uncertain, minlength=BINS)  # rows times the mean
    return float(sqrt(2 / pi) * np.sqrt(spread).sum() / rows.sum())
