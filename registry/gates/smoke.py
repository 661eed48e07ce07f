"""Does the file, freshly loaded, still answer as it did when it was made, and in time?"""

from __future__ import annotations

from io import BytesIO
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from registry.bundles import GOLDEN, ONNX, read_file, read_manifest
from registry.gates.options import number
from registry.gates.verdicts import Verdict
from registry.onnx_model import OnnxClassifier

if TYPE_CHECKING:
    from registry.models import ModelVersion

TOLERANCE = 1e-6  # an answer may move so far with the rows beside it, and with the machine


class Smoke:
    """A freshly loaded model answers the bundle's golden rows, one by one, as recorded and within `seconds` in all.

    An answer takes some 20 microseconds: a second for a few dozen is a limit that only a model out of all proportion
    meets, on however busy a machine. Loading is told, and has no limit: `settings.ONNX_LIMIT` is that.
    """

    def __init__(self, *, seconds: float = 1.0) -> None:
        self.seconds = number("seconds", seconds, low=0.001, high=60)

    def judge(self, version: ModelVersion) -> Verdict:
        if GOLDEN not in read_manifest(version.bundle):
            said = "its bundle holds no golden rows: train it anew, or bring the file again"
            return Verdict("Smoke", "not_enough_evidence", said, {"rows": 0, "limit_seconds": self.seconds})
        with np.load(BytesIO(read_file(version.bundle, GOLDEN)), allow_pickle=False) as golden:
            rows, recorded = golden["X"], golden["probability"]
        before = perf_counter()
        model = OnnxClassifier.from_bytes(read_file(version.bundle, ONNX))
        loaded = perf_counter()
        answers = np.concatenate([model.probability_up(row[np.newaxis]) for row in rows])
        answered = perf_counter()
        return self._verdict(
            difference=float(np.abs(answers.astype(np.float64) - recorded).max()),
            rows=len(rows),
            load_seconds=round(loaded - before, 4),
            seconds=round(answered - loaded, 4),
        )

    def _verdict(self, *, difference: float, rows: int, load_seconds: float, seconds: float) -> Verdict:
        right, in_time = difference <= TOLERANCE, seconds <= self.seconds  # NaN is not right
        return Verdict(
            "Smoke",
            "pass" if right and in_time else "fail",
            f"{rows} golden rows answered {'as recorded' if right else f'up to {difference:.2g} otherwise'} in "
            f"{seconds:.4f} s, {self.seconds:g} s are allowed; loaded in {load_seconds:.3f} s",
            {
                "rows": rows,
                "difference": difference if np.isfinite(difference) else None,
                "tolerance": TOLERANCE,
                "seconds": seconds,
                "load_seconds": load_seconds,
                "limit_seconds": self.seconds,
            },
        )
