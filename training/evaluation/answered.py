"""The rows that a walk-forward answered, as every part of its report reads them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from training.evaluation.baselines import RULES
from training.evaluation.bootstrap import Draws
from training.evaluation.metrics import Calls, called_up
from training.series import Floats, Seconds


@dataclass(frozen=True, eq=False)
class Answered:
    """In time order, all (n,); the figures of one report share its draws."""

    truth: NDArray[np.int8]
    probability: Floats  # of up
    base_rate: Floats  # share of ups in the training rows of the row's fold
    last_return: Floats  # log return of the candle at as_of, NaN where unknown
    log_return: Floats  # over `horizon` candles from as_of
    as_of: Seconds
    draws: Draws

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def horizon(self) -> int:
        return self.draws.horizon

    @cached_property
    def calls(self) -> Calls:
        return called_up(self.probability)

    @cached_property
    def hits(self) -> NDArray[np.bool_]:
        right: NDArray[np.bool_] = self.calls == self.truth
        return right

    @cached_property
    def naive_calls(self) -> dict[str, Calls]:
        return {name: rule(self.base_rate, self.last_return) for name, rule in RULES.items()}

    @cached_property
    def naive_hits(self) -> dict[str, NDArray[np.bool_]]:
        return {name: calls == self.truth for name, calls in self.naive_calls.items()}

    @cached_property
    def best_rule(self) -> str:
        """Chosen on the very rows that it is judged on, so that a comparison leans against the model."""
        return max(self.naive_hits, key=lambda rule: self.naive_hits[rule].mean())
