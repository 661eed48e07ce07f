"""How answers turned out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from predictions.models import ClientOutcome, Prediction
from training.labels import went_up
from training.models import Outcome

VERDICTS = {True: "✔ right", False: "✘ wrong", None: "abstained"}


@dataclass(frozen=True)
class Given:
    """What a client said of its own answer's outcome."""

    outcome: ClientOutcome
    prediction: Prediction

    @classmethod
    def of(cls, prediction: Prediction) -> Given | None:
        """None, without a question, where a market of ours settles the answer."""
        outcome = ClientOutcome.objects.filter(pk=prediction.pk).first() if prediction.as_of is None else None
        return cls(outcome, prediction) if outcome else None

    @property
    def right(self) -> bool | None:
        """Whether it went the way that was answered; None where nothing was."""
        if self.prediction.direction is None:
            return None
        return self.outcome.went_up == (self.prediction.direction == Prediction.Direction.UP)


def outcomes_of(predictions: Iterable[Prediction]) -> dict[UUID, Outcome]:
    """By prediction, the newest revision of the outcome of its close; those without a market have none of ours."""
    bound = [row for row in predictions if row.market and row.as_of is not None]
    revisions = Outcome.objects.filter(
        market__name__in={row.market for row in bound},
        as_of__in={row.as_of for row in bound},
        horizon__in={row.horizon for row in bound},
    ).order_by("revision")
    newest: dict[tuple[object, ...], Outcome] = {
        (row.market.name, row.as_of, row.horizon): row for row in revisions.select_related("market")
    }
    closes = {row.id: (row.market, row.as_of, row.horizon) for row in bound}
    return {pk: newest[close] for pk, close in closes.items() if close in newest}


def said(prediction: Prediction, outcome: Outcome | None) -> str:
    """In words: what the market did, and whether the answer was right."""
    if outcome is None:
        return "-"
    if outcome.status == Outcome.Status.VOID:
        return f"void: {outcome.void_reason}"
    if outcome.log_return is None:
        return f"due {outcome.matures_at:%Y-%m-%d %H:%M}"
    return f"{VERDICTS[was_right(prediction, outcome)]}, {outcome.log_return:+.3%}"


def was_right(prediction: Prediction, outcome: Outcome) -> bool | None:
    """Whether the market went the way that was answered; None where nobody knows, or nothing was answered."""
    if outcome.log_return is None or prediction.direction is None:
        return None
    return bool(went_up(np.array(outcome.log_return))) == (prediction.direction == Prediction.Direction.UP)
