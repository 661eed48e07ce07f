"""Answers between the model and the log: what the rows of one call share, and what is each row's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused
from predictions.engine import Serving
from predictions.ids import uuid7s
from predictions.models import Prediction
from training.evaluation.metrics import called_up

UP, DOWN = Prediction.Direction.UP.value, Prediction.Direction.DOWN.value


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, as an actor, and by which key."""

    label: str
    key: int | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where vectors came from; empty where the client sent them."""

    market: str = ""
    as_of: datetime | None = None
    target_at: datetime | None = None
    candles_sha256: str = ""
    warnings: tuple[str, ...] = ()


FROM_THE_CLIENT = Evidence()


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of one call, not logged yet.

    ids: m, ascending. X: (m, k) float32, as the model saw it. probability_up: m floats in [0, 1], each exact in
    float32. up: m calls.
    """

    serving: Serving
    asker: Asker
    evidence: Evidence
    reference: str
    made_at: datetime
    ids: list[UUID]
    X: NDArray[np.float32]
    probability_up: list[float]
    up: list[bool]

    @property
    def role(self) -> Prediction.Role:
        return Prediction.Role.TRIAL if self.serving.deployment is None else Prediction.Role.PRODUCTION

    @property
    def warnings(self) -> tuple[str, ...]:
        return self.serving.warnings + self.evidence.warnings

    def as_json(self) -> dict[str, Any]:
        """The reply of POST /predict: the only answer, as AnswerSerializer documents it."""
        return next(self.each_json()) | self.shared_json()

    def shared_json(self) -> dict[str, Any]:
        """What is said of all answers alike."""
        version = self.serving.version
        return {
            "model": version.model,
            "version": version.number,
            "generation": self.serving.generation,
            "as_of": self.evidence.as_of,
            "horizon": version.horizon,
            "made_at": self.made_at,
            "target_at": self.evidence.target_at,
            "simulated": version.simulated,
            "reference": self.reference,
            "warnings": self.warnings,
        }

    def each_json(self) -> Iterator[dict[str, Any]]:
        """What is each answer's own."""
        for id_, probability, up in zip(self.ids, self.probability_up, self.up, strict=True):
            yield {
                "id": id_,
                "prediction": UP if up else DOWN,
                "probability_up": probability,
                "confidence": probability if up else 1 - probability,
            }


def answers_of(
    serving: Serving,
    X: NDArray[np.float32],
    probability_up: NDArray[np.float32],
    *,
    asker: Asker,
    evidence: Evidence = FROM_THE_CLIENT,
    reference: str = "",
) -> Answers:
    """What a model said of X, given an id and a moment. Raises Refused where it gave no number for a row."""
    probabilities: list[float] = probability_up.tolist()
    if not all(0 <= probability <= 1 for probability in probabilities):  # which NaN is not
        version = serving.version
        raise Refused(f"{version.model} version {version.number} gave no number for this vector", code="no_answer")
    instant = now()
    made_at = instant.replace(microsecond=instant.microsecond // 1000 * 1000)  # as fine as the id tells it
    up: list[bool] = called_up(probability_up).tolist()
    return Answers(serving, asker, evidence, reference, made_at, uuid7s(made_at, len(X)), X, probabilities, up)
