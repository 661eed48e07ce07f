"""A version beside the one in production, on the rows that both answered."""

from dataclasses import dataclass

import numpy as np

from registry.bundles import BundleAltered
from registry.models import ModelVersion
from training.evaluation.bootstrap import Interval
from training.evaluation.pairing import Difference
from training.gates import SEED, common_rows, recorded_evaluation


@dataclass(frozen=True)
class BesideProduction:
    """What the paired rows say; without a difference the sentence says why there is none."""

    sentence: str
    rows: int = 0
    difference: Difference | None = None


def beside_production(version: ModelVersion) -> BesideProduction:
    """By the arithmetic of the gate NotWorseThanProduction, whose minimum of rows it does not ask for."""
    production = version.model.versions.in_production().first()
    if production is None:
        return BesideProduction("Nothing is in production for this model.")
    if production.pk == version.pk:
        return BesideProduction("This is the version in production.")
    try:
        theirs, ours = recorded_evaluation(production), recorded_evaluation(version)
    except BundleAltered as altered:
        return BesideProduction(f"No comparison with version {production.number}: {altered}.")
    if theirs is None or ours is None:
        silent = production if theirs is None else version
        return BesideProduction(f"{silent} has no recorded walk-forward to compare with.")
    common = common_rows(ours, theirs)
    found = common.told_apart(horizon=version.model.horizon, seed=SEED)
    return BesideProduction(_sentence(production.number, common.rows, found), common.rows, found)


def _sentence(number: int, rows: int, found: Difference) -> str:
    said = f"Beside version {number} in production, on the {rows:,} rows that both answered"
    if np.isnan(found.accuracy.low):
        return f"{said}: too few to tell the two apart."
    return f"{said}: its calls are {_told(found.accuracy)}, its probabilities {_told(found.brier)}."


def _told(lead: Interval) -> str:
    return "better" if lead.above_zero else "worse" if lead.below_zero else "not told apart"
