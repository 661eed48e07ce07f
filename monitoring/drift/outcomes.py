"""Channel C: are answers wrong more often than in the version's walk-forward, and as sure as they may be?"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cryptoml_site.clock import now
from monitoring.drift.findings import Found, Status
from monitoring.evidence import Evidence, settled
from registry.models import ModelVersion
from training.drift.cusum import CalibrationCusum, Cusum
from training.evaluation.bootstrap import block_bootstrap
from training.evaluation.calibration import expected_calibration_error
from training.evaluation.metrics import squared_errors
from training.evaluation.report import plain

FEWEST = 100  # outcomes, below which nothing alarms
FEWEST_OF_ERROR = 500  # below which the calibration error is mostly luck
MOST = 20_000  # the newest that are summed
FARTHEST = 2.0  # alarms' worth: where the sum ends, so that a recovery shows within about as many outcomes
SPAN = timedelta(days=3_650)
SEED = 7


def outcomes(version: ModelVersion) -> Found:
    """Over all its settled forecasts."""
    rate = _error_rate(version)
    if rate is None:
        return Found(Status.NOT_CALIBRATED, "no walk-forward says how often this version went wrong by itself")
    evidence = settled([version], since=now() - SPAN, most=MOST)[version.model_id]
    return judged(evidence, Cusum(rate), horizon=version.model.horizon)


def judged(evidence: Evidence, cusum: Cusum, *, horizon: int) -> Found:
    """Errors alert. A calibration that is off on one side warns: such answers may still be right as often."""
    n, errors = len(evidence), ~evidence.hits
    sums = cusum.sums(errors.tolist(), most=FARTHEST * cusum.alarm)
    total = sums[-1] if sums else 0.0
    figures: dict[str, Any] = {
        "n": n,
        "cusum": round(total, 4),
        "alarm_at": cusum.alarm,
        "expected_error_rate": cusum.error_rate,
    }
    if n < FEWEST:
        said = f"{n} outcomes are known, {FEWEST} are needed before they alarm"
        return Found(Status.NOT_CALIBRATED, said, figures=figures)
    interval = block_bootstrap(errors.astype(float), horizon=horizon, seed=SEED)
    off, calibration = _calibration(evidence, horizon)
    figures |= {"error_rate": plain(interval.bounds), **calibration}
    over = total > cusum.alarm
    said = f"{_said(n, interval.value, cusum, over)}{off}"
    return Found(Status.ALERT if over else Status.WARNING if off else Status.OK, said, over, figures)


def _said(n: int, rate: float, cusum: Cusum, over: bool) -> str:
    beside = f"{rate:.1%} of {n:,} answers were wrong, {cusum.error_rate:.1%} were in the walk-forward"
    return f"{beside}: lately more than luck explains" if over else f"{beside}: no more lately than luck explains"


def _calibration(evidence: Evidence, horizon: int) -> tuple[str, dict[str, Any]]:
    """In words where the probabilities are off on one side, and the figures: Brier beside that of the share of ups."""
    rose, said = evidence.went_up, evidence.probability_up
    watched = CalibrationCusum()
    few, many = watched.sums(said, rose, most=FARTHEST * watched.alarm)
    enough = len(evidence) >= FEWEST_OF_ERROR
    share = float(rose.mean())
    figures = {
        "calibration_cusum": round(max(few, many), 4),
        "calibration_alarm_at": watched.alarm,
        "brier": plain(block_bootstrap(squared_errors(rose, said), horizon=horizon, seed=SEED).bounds),
        "base_rate_brier": round(share * (1 - share), 6),
        "ece": round(expected_calibration_error(rose, said), 4) if enough else None,
    }
    if max(few, many) <= watched.alarm:
        return "", figures
    return f"; lately more went {'up' if few > many else 'down'} than its probabilities say", figures


def _error_rate(version: ModelVersion) -> float | None:
    """None where the report has no accuracy that leaves room to be worse."""
    accuracy = version.metrics.get("metrics", {}).get("accuracy", {})
    value = accuracy.get("value") if isinstance(accuracy, dict) else None
    if value is None or not Cusum.LEAST_RATE <= 1 - value <= Cusum.MOST_RATE:
        return None
    return float(1 - value)
