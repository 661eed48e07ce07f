"""One trial of a search for parameters, once it has ended: the search makes it, and a run keeps it."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    COMPLETE = "complete"
    PRUNED = "pruned"  # given up before its last fold: worse than the best by more than luck, or the time was up
    FAILED = "failed"  # its parameters could not be fitted


@dataclass(frozen=True)
class Tried:
    number: int  # within its run, from 0
    params: dict[str, int | float]  # all of them, those that were not searched too
    state: State
    log_loss: float | None  # mean over the rows answered, which are all where it is complete; None where there are none
    losses: list[float]  # of each stretch of these rows, in time order
    blocks: list[list[float]]  # of one that is complete: the `block_sums` of its returns after costs
    sharpe: float | None  # ratio per candle of those returns; None where it never moved
    seconds: float
    rows_sha256: str  # of the rows that it was tried on
    until: int  # as_of of the newest of them, unix seconds
    error: str = ""

    @property
    def ratio(self) -> float:
        """The Sharpe ratio, 0 where it never moved: it earned nothing."""
        return self.sharpe or 0.0
