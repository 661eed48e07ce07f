"""One check of one model: its newest rows and outcomes, held against what its version was made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused
from monitoring.drift.findings import Channel, Findings, Found, Status
from monitoring.drift.outcomes import outcomes
from monitoring.drift.policy import ALERT_WITHIN, status
from monitoring.drift.reaction import react
from monitoring.drift.rows import Rows, newest_rows
from monitoring.models import DriftCheck, DriftEvent
from registry.bundles import DRIFT, EVALUATION, ONNX, REFERENCE, read_file, read_manifest
from registry.models import ModelVersion
from registry.onnx_model import OnnxClassifier
from training.concerns import data_concern
from training.drift.calibration import Calibration
from training.drift.classic import FeatureDrift, classic_statistics
from training.drift.detector import Reading
from training.drift.distances import Ordered
from training.drift.integrity import faults, outside_the_range
from training.evaluation.archive import unpack_arrays
from training.features.feature_set import FeatureSet, feature_set
from training.models import Market


@dataclass(frozen=True, eq=False)
class Known:
    """What a version was made of. reference: (n, k). probability: (m,) of its walk-forward."""

    calibration: Calibration
    reference: NDArray[np.float32]
    probability: NDArray[np.float64]

    @classmethod
    def of(cls, version: ModelVersion) -> Known | None:
        """None of a bundle without it: of an imported version, or one that is older than drift checks."""
        bundle = version.bundle
        if not {DRIFT, REFERENCE, EVALUATION} <= set(read_manifest(bundle)):
            return None
        return cls(
            Calibration.unpack(read_file(bundle, DRIFT)),
            unpack_arrays(read_file(bundle, REFERENCE))["X"],
            unpack_arrays(read_file(bundle, EVALUATION))["probability"].astype(np.float64),
        )


def run_check(check: DriftCheck) -> list[DriftEvent]:
    """Do what was asked for, keep it, and open or close incidents; those that changed state.

    What cannot be checked fails with its reason, and is the model's concern no more than that.
    """
    version = check.model.versions.in_production().first()
    try:
        if version is None:
            raise Refused(f"{check.model} has no version in production: promote one", code="no_production")
        return _kept(check, version, examined(version))
    except Refused as refused:
        check.fail(str(refused), at=now())
        return []
    except Exception as error:  # recorded and raised again: it must not wait for ever
        check.fail(f"{type(error).__name__}: {error}", at=now())
        raise


def _kept(check: DriftCheck, version: ModelVersion, findings: Findings) -> list[DriftEvent]:
    with transaction.atomic():  # who sees that it is done sees what followed
        if not check.finish(version, findings, at=now()):  # another worker was quicker with the same message
            return []
        events = DriftEvent.objects.follow(check)
        check.answer(react(check))
    return events


def examined(version: ModelVersion) -> Findings:
    """Raises Refused where the bundle was altered, or the version's own feature set is gone."""
    known, features = Known.of(version), feature_set(version.feature_set)
    changed = features.sha256 != version.feature_set_sha256
    market = Market.objects.filter(name=version.model.market).with_newest().first()
    window = known.calibration.window if known is not None else 0
    rows = newest_rows(version, features, market, window=max(window, 1))
    found = {Channel.INTEGRITY: _integrity(version, features, market, rows, None if changed else known)}
    statistics: list[FeatureDrift] = []
    finite = rows.finite()
    if changed:
        none = Found(Status.NOT_CALIBRATED, "what its features are called is something else now: they do not compare")
        found |= {Channel.DISTRIBUTION: none, Channel.PREDICTION: none}
    elif known is None:
        none = Found(Status.NOT_CALIBRATED, "its bundle holds no calibration: train it anew to have one")
        found |= {Channel.DISTRIBUTION: none, Channel.PREDICTION: none}
    elif len(finite) < window:
        said = f"{len(finite)} rows are known, {window} are needed"
        found |= dict.fromkeys((Channel.DISTRIBUTION, Channel.PREDICTION), Found(Status.NOT_CALIBRATED, said))
    else:
        told, statistics = _distribution(version, features, finite, known)
        found |= told
    found[Channel.OUTCOME] = outcomes(version)
    return Findings(
        found=found,
        features=[each.as_json() for each in statistics],
        source=rows.source,
        rows=len(rows),
        first_at=rows.at[0] if rows.at else None,
        last_at=rows.at[-1] if rows.at else None,
    )


def _integrity(
    version: ModelVersion, features: FeatureSet, market: Market | None, rows: Rows, known: Known | None
) -> Found:
    """At once and without statistics."""
    said = []
    if features.sha256 != version.feature_set_sha256:
        said.append(f"{features.name} means something else in this code than when the version was trained")
    stale = data_concern(market, version.model.market, at=now()) if version.model.market else ""
    if stale:
        said.append(stale)
    if known is not None and len(rows):
        still, enough = known.calibration.longest_still, known.calibration.features.calibrated
        said += faults(rows.X, known.reference, features.features, stood_still=still, enough=enough)
    if said:
        return Found(Status.ALERT, "; ".join(said), over=True, figures={"faults": said})
    return Found(Status.OK, "no fault was found", figures={"faults": []})


def _distribution(
    version: ModelVersion, features: FeatureSet, rows: Rows, known: Known
) -> tuple[dict[Channel, Found], list[FeatureDrift]]:
    calibration = known.calibration
    reading = calibration.features.read(Ordered.of(known.reference), rows.X)
    statistics = classic_statistics(features.names, known.reference, rows.X, reading=reading, calibration=calibration)
    levels = [feature.name for feature in features.features if not feature.scale_free]
    if levels:
        distribution = _of_levels(outside_the_range(rows.X, known.reference), levels, reading)
    else:
        named = [features.names[place] for place in reading.contributors()] if reading.over else []
        distribution = _told(version, rows, Channel.DISTRIBUTION, reading, "the features", named)
    score = _score(version, rows, known)
    return {
        Channel.DISTRIBUTION: distribution,
        Channel.PREDICTION: _told(version, rows, Channel.PREDICTION, score, "the answers", []),
    }, statistics


def _of_levels(outside: float, levels: Sequence[str], reading: Reading) -> Found:
    """A level says that the price moved, and nothing else: that is said, and is no alarm."""
    said = (
        f"{', '.join(levels)} are absolute levels, so this says only how far the price has moved: {outside:.0%} of the "
        "newest rows lie outside what the version learnt from"
    )
    figures = {"outside": outside, "levels": True, "threshold": _rounded(reading.threshold)}
    return Found(Status.OK if outside == 0 else Status.WARNING, said, figures=figures)


def _score(version: ModelVersion, rows: Rows, known: Known) -> Reading:
    """The version's own answers to these rows, beside those of its walk-forward."""
    classifier = OnnxClassifier.from_bytes(read_file(version.bundle, ONNX))
    answered = classifier.probability_up(rows.X).astype(np.float64)
    return known.calibration.score.read(Ordered.of(known.probability[:, np.newaxis]), answered[:, np.newaxis])


def _told(
    version: ModelVersion, rows: Rows, channel: Channel, reading: Reading, what: str, named: Sequence[str]
) -> Found:
    figures: dict[str, Any] = {"m": _rounded(reading.m), "threshold": _rounded(reading.threshold), "named": list(named)}
    if figures["threshold"] is None:
        said = "the version learnt from too few rows to know what is usual: distances are shown, nothing alarms"
        return Found(Status.NOT_CALIBRATED, said, figures=figures)
    before = DriftCheck.objects.earlier_of_version(version, before=rows.at[-1], most=ALERT_WITHIN - 1)
    over = [check.was_over(channel) for check in reversed(before)]
    verdict = status([*over, reading.over])
    beside = f"the distance is {reading.m:.1f}, {reading.threshold:.1f} is unusual"
    moved = f"{what} have moved" + (f", {', '.join(named)} most" if named else "")
    said = f"{moved}: {beside}" if reading.over else f"{what} are as usual: {beside}"
    return Found(verdict, said, reading.over, figures)


def _rounded(value: float) -> float | None:
    return round(value, 4) if np.isfinite(value) else None
