"""Which features a model leans on: what is lost when one of them is shuffled."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.datasets import Vectors
from training.evaluation.metrics import accuracy, called_up, log_loss
from training.series import Floats

Answer = Callable[[Vectors], Floats]  # (m, k) features to (m,) probabilities of up


@dataclass(frozen=True, eq=False)
class Losses:
    """(k,) by feature: how much accuracy falls and log loss rises without it. About 0, or below, for noise."""

    accuracy: Floats
    log_loss: Floats


def permutation_losses(answer: Answer, X: Vectors, y: NDArray[np.int8], *, rng: np.random.Generator) -> Losses:
    """Of a fitted model, on rows (m, k) that it has not seen, each feature in turn shuffled among them.

    Breiman (2001), Random forests; Fisher, Rudin & Dominici (2019), All models are wrong, but many are useful. Where
    two features say the same, each stands in for the other, and both seem to matter little. The model is asked once
    for the shuffled rows of all features: a forest takes hardly longer for thousands of rows than for a few.
    """
    right, off = _figures(y, answer(X))
    without = np.array([_figures(y, probability) for probability in _shuffled(answer, X, rng.permutation(len(X)))])
    return Losses(accuracy=right - without[:, 0], log_loss=without[:, 1] - off)


def importance_table(names: Sequence[str], trials: Sequence[Losses]) -> list[dict[str, Any]]:
    """Of each feature the mean loss over the trials and its standard deviation, first what costs most log loss."""
    table = [
        {
            "name": name,
            "accuracy": _spread([trial.accuracy[place] for trial in trials]),
            "log_loss": _spread([trial.log_loss[place] for trial in trials]),
        }
        for place, name in enumerate(names)
    ]
    return sorted(table, key=lambda entry: -entry["log_loss"]["mean"])


def _shuffled(answer: Answer, X: Vectors, order: NDArray[np.intp]) -> Floats:
    """(k, m) answers: in row f feature f stands in another order."""
    rows, width = X.shape
    stacked = np.tile(X, (width, 1, 1))
    for feature in range(width):
        stacked[feature, :, feature] = X[order, feature]
    return answer(stacked.reshape(width * rows, width)).reshape(width, rows)


def _figures(y: NDArray[np.int8], probability: Floats) -> tuple[float, float]:
    return accuracy(y, called_up(probability)), log_loss(y, probability)


def _spread(losses: list[np.float64]) -> dict[str, float]:
    return {"mean": float(np.mean(losses)), "std": float(np.std(losses))}
