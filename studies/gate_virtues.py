"""Whether the gates refuse noise and pass what there is to be found: many simulated markets of a known signal.

Each market is made, learnt from and promoted by the functions behind the commands, and nothing is overridden.
"""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any, cast

import django

from registry.gates import GateRefused
from studies.learnt import ACTOR, learnt
from training.market_data.simulate import simulate_candles
from training.models import Market

CANDLES = 6_000
FEATURE_SET = "technical"


@dataclass(frozen=True, order=True)
class Question:
    """One estimator on one simulated market."""

    signal: float  # correlation of the next return with its planted part
    seed: int
    estimator: str

    @property
    def market(self) -> str:
        return f"seed{self.seed}-s{round(self.signal * 1000):03d}-1h"


@dataclass(frozen=True)
class Found:
    """stopped_by: the gates that did not pass."""

    question: Question
    accuracy: float
    baseline: float
    stopped_by: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.stopped_by


def study(seeds: Mapping[float, int], *, estimators: Iterable[str], processes: int) -> Iterator[Found]:
    """As each is answered. seeds: how many markets of each signal; one process has all of a market's estimators."""
    chores = [(signal, seed, tuple(estimators)) for signal, count in seeds.items() for seed in range(count)]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=django.setup) as pool:
        for found in pool.map(_ask_all, chores):
            yield from found


def _ask_all(chore: tuple[float, int, tuple[str, ...]]) -> list[Found]:
    signal, seed, estimators = chore
    return [ask(Question(signal, seed, estimator)) for estimator in estimators]


def ask(question: Question) -> Found:
    """Simulate, learn, promote without an override."""
    market = Market.objects.filter(name=question.market).first()
    if market is None:
        simulate_candles(question.market, candles=CANDLES, seed=question.seed, signal=question.signal)
        market = Market.objects.named(question.market)
    version = learnt(market, estimator=question.estimator, feature_set=FEATURE_SET)
    stopped: tuple[str, ...] = ()
    if not version.model.versions.in_production().exists():
        try:
            version.promote(actor=ACTOR, reason="what the gates say of it")
        except GateRefused as refused:
            evidence = cast("dict[str, Any]", refused.evidence)
            stopped = tuple(each["gate"] for each in evidence["verdicts"] if each["outcome"] != "pass")
    report = version.metrics
    return Found(question, report["metrics"]["accuracy"]["value"], report["baseline"]["accuracy"], stopped)
