"""Answers between the model and the log: what the rows of one call share, and what is each row's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused
from predictions.engine import NO_POLICY, Serving
from predictions.ids import uuid7s
from predictions.models import NOVEL_INPUT, Prediction
from predictions.sessions import Scored
from training.evaluation.metrics import called_up

UP, DOWN = Prediction.Direction.UP.value, Prediction.Direction.DOWN.value
EXPIRED = "version_expired"
NOVELTY_UNKNOWN = "novelty_unknown"
NOVEL = (NOVEL_INPUT,)


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

    warnings: of all answers alike. ids: m, ascending. X: (m, k) float32, as the model saw it. probability_up: m floats
    in [0, 1], each exact in float32. up: m calls. novelty: m scores, None where the version cannot tell. novel: whether
    each is over the model's limit; a policy that abstains then withholds the call and its probability.
    """

    serving: Serving
    asker: Asker
    evidence: Evidence
    reference: str
    made_at: datetime
    warnings: tuple[str, ...]
    ids: list[UUID]
    X: NDArray[np.float32]
    probability_up: list[float]
    up: list[bool]
    novelty: Sequence[float | None]
    novel: list[bool]

    @property
    def role(self) -> Prediction.Role:
        return Prediction.Role.TRIAL if self.serving.deployment is None else Prediction.Role.PRODUCTION

    def direction(self, place: int) -> str | None:
        """None where it abstains."""
        if self.novel[place] and self.serving.policy.abstains:
            return None
        return UP if self.up[place] else DOWN

    def own_warnings(self, place: int) -> tuple[str, ...]:
        """Of that answer alone."""
        return NOVEL if self.novel[place] and not self.serving.policy.abstains else ()

    def as_json(self) -> dict[str, Any]:
        """The reply of POST /predict: the only answer, as AnswerSerializer documents it."""
        own, shared = next(self.each_json()), self.shared_json()
        return own | shared | {"warnings": self.warnings + own["warnings"]}

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
        abstains = self.serving.policy.abstains
        for id_, probability, up, novelty, novel in zip(
            self.ids, self.probability_up, self.up, self.novelty, self.novel, strict=True
        ):
            withheld = novel and abstains
            yield {
                "id": id_,
                "prediction": None if withheld else UP if up else DOWN,
                "probability_up": None if withheld else probability,
                "confidence": None if withheld else probability if up else 1 - probability,
                "novelty": novelty,
                "abstained": NOVEL_INPUT if withheld else None,
                "warnings": NOVEL if novel and not withheld else (),
            }


def answers_of(
    serving: Serving,
    X: NDArray[np.float32],
    scored: Scored,
    *,
    asker: Asker,
    evidence: Evidence = FROM_THE_CLIENT,
    reference: str = "",
) -> Answers:
    """What a model said of X, given an id and a moment. Raises Refused where it gave no number for a row."""
    probabilities: list[float] = scored.probability_up.tolist()
    if not all(0 <= probability <= 1 for probability in probabilities):  # which NaN is not
        version = serving.version
        raise Refused(f"{version.model} version {version.number} gave no number for this vector", code="no_answer")
    instant = now()
    made_at = instant.replace(microsecond=instant.microsecond // 1000 * 1000)  # as fine as the id tells it
    novelty: Sequence[float | None] = scored.novelty or [None] * len(X)
    return Answers(
        serving=serving,
        asker=asker,
        evidence=evidence,
        reference=reference,
        made_at=made_at,
        warnings=serving.warnings + _policy_warnings(serving, scored, at=made_at) + evidence.warnings,
        ids=uuid7s(made_at, len(X)),
        X=X,
        probability_up=probabilities,
        up=called_up(scored.probability_up).tolist(),
        novelty=novelty,
        novel=_novel(serving, novelty),
    )


def _policy_warnings(serving: Serving, scored: Scored, *, at: datetime) -> tuple[str, ...]:
    """Of all answers alike."""
    if serving.policy is NO_POLICY:
        return ()
    expired = (EXPIRED,) if serving.expired(at) else ()
    unknown = (NOVELTY_UNKNOWN,) if scored.novelty is None and serving.policy.novelty_limit is not None else ()
    return expired + unknown


def _novel(serving: Serving, novelty: Sequence[float | None]) -> list[bool]:
    limit = serving.policy.novelty_limit
    if limit is None:
        return [False] * len(novelty)
    return [score is not None and score > limit for score in novelty]
