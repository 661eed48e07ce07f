"""Is what was evaluated what will serve?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from registry.bundles import NATIVE, REPORT, read_file, read_manifest
from registry.gates.options import number
from registry.gates.verdicts import Verdict

if TYPE_CHECKING:
    from registry.models import ModelVersion


class Parity:
    """The ONNX file's probabilities are at most `most` away from the native model's, as measured when it was made."""

    def __init__(self, *, most: float = 1e-5) -> None:
        self.most = number("most", most, low=0, high=1)

    def judge(self, version: ModelVersion) -> Verdict:
        files = read_manifest(version.bundle)
        if NATIVE not in files:
            return Verdict("Parity", "pass", "it came as an ONNX file: there is no other model to agree with")
        measured = json.loads(read_file(version.bundle, REPORT)).get("parity") if REPORT in files else None
        if measured is None:
            return Verdict(
                "Parity",
                "not_enough_evidence",
                "its difference from the native model was not recorded when it was made: train it anew",
                {"most": self.most},
            )
        return Verdict(
            "Parity",
            "pass" if measured["difference"] <= self.most else "fail",
            f"the ONNX file's probabilities are up to {measured['difference']:.2g} away from the native model's on "
            f"{measured['rows']:,} rows, {self.most:g} is allowed",
            {**measured, "most": self.most},
        )
