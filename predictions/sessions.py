"""Models in memory: as many as the budget allows, those that answered last; the others come from disk when asked."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain
from threading import RLock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from registry.bundles import NOVELTY, ONNX, read_file, verify_bundle
from registry.onnx_model import OnnxClassifier
from training.evaluation.novelty import NoveltyDetector

NEVER = -math.inf  # when a spare one was asked
MEMORY_PER_BYTE = 4.2  # a session of a 4.5 MB file costs 19 MB, measured


class Scored(NamedTuple):
    """What a version makes of m rows. probability_up: (m,) float32. novelty: m scores, None where it cannot tell."""

    probability_up: NDArray[np.float32]
    novelty: list[float] | None = None

    def row(self, place: int) -> Scored:
        """Of that row alone."""
        novelty = None if self.novelty is None else self.novelty[place : place + 1]
        return Scored(self.probability_up[place : place + 1], novelty)

    @classmethod
    def joined(cls, parts: Sequence[Scored]) -> Scored:
        """Of all rows, in the parts' order; they are of one version."""
        if len(parts) == 1:
            return parts[0]
        told = [part.novelty for part in parts if part.novelty is not None]
        novelty = list(chain.from_iterable(told)) if told else None
        return cls(np.concatenate([part.probability_up for part in parts]), novelty)


@dataclass(slots=True)
class Session:
    classifier: OnnxClassifier
    detector: NoveltyDetector | None  # None for a bundle that holds none
    cost: float  # bytes of memory, estimated
    used_at: float  # time.monotonic(), or NEVER


class Sessions:
    """By bundle: versions with the same content share one session."""

    def __init__(self, *, budget: int) -> None:
        self.budget = budget  # bytes
        self._held: dict[str, Session] = {}
        self._lock = RLock()

    def __contains__(self, bundle: str) -> bool:
        return bundle in self._held

    @property
    def full(self) -> bool:
        return self._cost() >= self.budget

    def scored(self, bundle: str, X: NDArray[np.float32]) -> Scored:
        """X: (m, k) float32. Loads the bundle where it is not in memory. Raises BundleAltered, InvalidModel."""
        session = self._held.get(bundle) or self.load(bundle)
        session.used_at = time.monotonic()
        detector = session.detector
        return Scored(session.classifier.probability_up(X), None if detector is None else detector.scores(X))

    def load(self, bundle: str, *, spare: bool = False) -> Session:
        """From disk, its bytes checked, and warmed by one answer. spare: it answers nothing yet, so it displaces none.

        What was loaded is returned even where the budget does not keep it. Raises BundleAltered, InvalidModel.
        """
        with self._lock:
            session = self._held.get(bundle) or self._read(bundle)
            if not spare and session.used_at == NEVER:
                session.used_at = time.monotonic()
            if bundle not in self._held and (not spare or self._cost() + session.cost <= self.budget):
                self._held = {**self._held, bundle: session}
                self._keep_to_budget(but=bundle)
            return session

    def _cost(self) -> float:
        return sum(session.cost for session in list(self._held.values()))

    def _read(self, bundle: str) -> Session:
        files = verify_bundle(bundle)  # all of it: who altered its report is not to be believed about its model
        model = read_file(bundle, ONNX)
        classifier = OnnxClassifier.from_bytes(model)
        classifier.probability_up(np.zeros((1, classifier.width), np.float32))
        detector = NoveltyDetector.unpack(read_file(bundle, NOVELTY)) if NOVELTY in files else None
        return Session(classifier, detector, MEMORY_PER_BYTE * len(model), NEVER)

    def keep_only(self, bundles: Collection[str]) -> None:
        with self._lock:
            self._held = {bundle: session for bundle, session in self._held.items() if bundle in bundles}

    def _keep_to_budget(self, *, but: str) -> None:
        """Drop what was asked longest ago, spare ones first; who holds one keeps it until it has answered."""
        oldest_first = sorted(self._held.items(), key=lambda item: item[1].used_at)
        cost = self._cost()
        for bundle, session in oldest_first:
            if cost <= self.budget:
                break
            if bundle != but:
                self._held = {name: held for name, held in self._held.items() if name != bundle}
                cost -= session.cost
