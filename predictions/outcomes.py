"""How answers turned out."""

from collections.abc import Iterable
from uuid import UUID

import numpy as np

from predictions.models import Prediction
from training.labels import went_up
from training.models import Outcome

VERDICTS = {True: "✔ right", False: "✘ wrong", None: "abstained"}


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
