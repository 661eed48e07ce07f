"""Whether what was best in one half of the past is still good in the other.

Combinatorially symmetric cross-validation: Bailey, Borwein, Lopez de Prado & Zhu (2017), The probability of backtest
overfitting. Each trial is known by sums over blocks of time, so that whoever searches keeps a few numbers of each.
"""

from collections.abc import Iterator
from itertools import combinations, islice
from math import nan

import numpy as np
from numpy.typing import NDArray

from training.evaluation.sharpe import sharpe_of_sums
from training.series import Floats

BLOCKS = 16  # 12,870 ways to halve them
CHUNK = 1_000  # halvings held at once

Halves = NDArray[np.bool_]  # (c, blocks), of each halving the blocks that are chosen by


def block_sums(returns: Floats, *, blocks: int = BLOCKS) -> Floats:
    """(blocks, 3): of each stretch of (n,) returns in time order their number, sum and sum of squares.

    >>> block_sums(np.array([1.0, 2.0, 3.0]), blocks=2)
    array([[2., 3., 5.],
           [1., 3., 9.]])
    """
    stretches = np.array_split(returns, blocks)
    return np.array([[len(stretch), stretch.sum(), (stretch**2).sum()] for stretch in stretches])


def probability_of_overfitting(blocks: Floats) -> float:
    """Share of the halvings of time in which the trial that was best in one half is below the median in the other.

    blocks: (trials, blocks, 3) as `block_sums` has them; an even number of blocks, the same stretches of time for
    every trial. Best is the highest Sharpe ratio, 0 for a trial that never moved. About 0.5 where all trials are
    noise, near 0 where one is truly better. A rank in the very middle counts half, so that this holds for few trials
    too. NaN for fewer than two trials.
    """
    trials, count, _ = blocks.shape
    if count < 2 or count % 2:
        raise ValueError(f"{count} blocks cannot be halved: give an even number of them")
    if trials < 2:
        return nan
    below = np.concatenate([_below_median(blocks, halves) for halves in _halvings(count)])
    return float(below.mean())


def _halvings(blocks: int) -> Iterator[Halves]:
    """All choices of half of the blocks, a chunk at a time."""
    chosen = combinations(range(blocks), blocks // 2)
    while chunk := list(islice(chosen, CHUNK)):
        halves = np.zeros((len(chunk), blocks), dtype=np.bool_)
        np.put_along_axis(halves, np.array(chunk), True, axis=1)
        yield halves


def _below_median(blocks: Floats, halves: Halves) -> Floats:
    """(c,) 1 where the trial that is best in the chosen half ranks below the median in the other, 0.5 at the median."""
    best = _ratios(blocks, halves).argmax(axis=1)
    others = _ratios(blocks, ~halves)
    own = np.take_along_axis(others, best[:, np.newaxis], axis=1)
    beaten, beating = (others < own).sum(axis=1), (others > own).sum(axis=1)
    return np.where(beaten == beating, 0.5, beaten < beating)


def _ratios(blocks: Floats, halves: Halves) -> Floats:
    """(c, trials) Sharpe ratios of each trial over the chosen blocks."""
    n, total, squares = (halves.astype(np.float64) @ blocks[:, :, column].T for column in range(3))
    return np.nan_to_num(sharpe_of_sums(n, total, squares), nan=0.0)
