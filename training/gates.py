"""The gate that compares what training recorded of two versions, with training's own arithmetic."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from registry.bundles import EVALUATION, read_file, read_manifest
from registry.gates import Verdict
from registry.gates.options import whole_number
from registry.models import ModelVersion
from training.evaluation.archive import unpack_arrays
from training.evaluation.bootstrap import Interval
from training.evaluation.pairing import Paired
from training.evaluation.report import plain

SEED = 7
Evaluation = dict[str, Any]  # as_of, y_true and probability of every walk-forward row


class NotWorseThanProduction:
    """On the rows that both walk-forwards answered, neither the calls nor the probabilities are shown to be worse.

    Fails when the 95 % block-bootstrap interval of the paired difference, in accuracy or in Brier score, lies wholly
    on production's side: being no better is no reason to fail. Each answered a row by a model that had not seen it,
    though their folds may be cut at other places; what happened is as the candidate's data have it, the newer ones.
    """

    def __init__(self, *, minimum_rows: int = 1_000) -> None:
        self.minimum_rows = whole_number("minimum_rows", minimum_rows, low=1)

    def judge(self, version: ModelVersion) -> Verdict:
        production = version.model.versions.in_production().exclude(pk=version.pk).first()
        if production is None:
            return Verdict("NotWorseThanProduction", "pass", "no other version is in production")
        theirs, ours = recorded_evaluation(production), recorded_evaluation(version)
        if theirs is None or ours is None:
            silent = production if theirs is None else version
            return self._not_enough(f"{silent} has no recorded walk-forward to compare with", 0)
        common = common_rows(ours, theirs)
        if common.rows < self.minimum_rows:
            return self._not_enough(
                f"both answered {common.rows:,} rows, {self.minimum_rows:,} are needed to compare it with version "
                f"{production.number}",
                common.rows,
            )
        return self._compared(common, production.number, horizon=version.model.horizon)

    def _compared(self, common: Paired, number: int, *, horizon: int) -> Verdict:
        lead = common.told_apart(horizon=horizon, seed=SEED)
        accuracy, brier = lead.accuracy, lead.brier
        numbers = {"rows": common.rows, "accuracy": plain(asdict(accuracy)), "brier": plain(asdict(brier))}
        if np.isnan(accuracy.low):
            return self._not_enough(f"the {common.rows:,} rows that both answered make no interval", common.rows)
        return Verdict(
            "NotWorseThanProduction",
            "fail" if accuracy.below_zero or brier.below_zero else "pass",
            f"on the {common.rows:,} rows that both answered, against version {number}: accuracy {_said(accuracy, 3)}, "
            f"Brier score better by {_said(brier, 4)}",
            numbers,
        )

    def _not_enough(self, sentence: str, rows: int) -> Verdict:
        numbers = {"rows": rows, "minimum_rows": self.minimum_rows}
        return Verdict("NotWorseThanProduction", "not_enough_evidence", sentence, numbers)


def common_rows(ours: Evaluation, theirs: Evaluation) -> Paired:
    """On the rows that both answered; what happened is as `ours` has it."""
    _, mine, other = np.intersect1d(ours["as_of"], theirs["as_of"], assume_unique=True, return_indices=True)
    return Paired.of(ours["y_true"][mine], ours["probability"][mine], theirs["probability"][other])


def recorded_evaluation(version: ModelVersion) -> Evaluation | None:
    """Of the version's bundle; None where it was brought without. Raises BundleAltered."""
    if EVALUATION not in read_manifest(version.bundle):
        return None
    return unpack_arrays(read_file(version.bundle, EVALUATION))


def _said(interval: Interval, digits: int) -> str:
    return f"{interval.value:+.{digits}f} [{interval.low:+.{digits}f}, {interval.high:+.{digits}f}]"
