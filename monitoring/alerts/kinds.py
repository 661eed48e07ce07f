"""What can be watched, and which figures a rule of each kind has."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import TextChoices


class Severity(TextChoices):
    """In the order of their weight."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Kind(TextChoices):
    DRIFT = "drift", "drift incident open"
    HIT_RATE = "hit_rate", "hit rate too low"
    LATENCY = "latency", "answers too slow (p99)"
    ERRORS = "errors", "requests fail (5xx)"
    STALE_DATA = "stale_data", "no fresh candles"
    FAILED_RUN = "failed_run", "training run failed"
    SPOOL = "spool", "answers wait in the spool"
    WORKER_GONE = "worker_gone", "worker or beat gone"
    GATE_REFUSED = "gate_refused", "a gate refused a retrained version"
    STRAY_ROWS = "stray_rows", "rows in the log's DEFAULT partition"
    TASK_FAILED = "task_failed", "tasks fail, or counting is behind"


@dataclass(frozen=True)
class Bounds:
    """What a rule's threshold may be. default: None where it may be empty."""

    says: str
    least: float
    most: float
    default: float | None


@dataclass(frozen=True)
class Asks:
    """Which fields a kind has. minutes: the window's default, None where it has none."""

    severity: Severity
    threshold: Bounds | None = None
    minutes: int | None = None
    of_a_model: bool = False


ASKS = {
    Kind.DRIFT: Asks(Severity.WARNING, of_a_model=True),
    Kind.HIT_RATE: Asks(
        Severity.WARNING,
        Bounds("share of right answers; empty: what the majority would have had", 0.0, 1.0, None),
        of_a_model=True,
    ),
    Kind.LATENCY: Asks(Severity.WARNING, Bounds("milliseconds", 0.1, 600_000.0, 500.0), 10, of_a_model=True),
    Kind.ERRORS: Asks(Severity.CRITICAL, Bounds("share of the requests", 0.0, 1.0, 0.02), 10),
    Kind.STALE_DATA: Asks(Severity.WARNING, of_a_model=True),
    Kind.FAILED_RUN: Asks(Severity.WARNING, minutes=1_440, of_a_model=True),
    Kind.SPOOL: Asks(Severity.CRITICAL, Bounds("answers", 0.0, 1e9, 0.0)),
    Kind.WORKER_GONE: Asks(Severity.CRITICAL, Bounds("seconds of silence", 30.0, 86_400.0, 60.0)),
    Kind.GATE_REFUSED: Asks(Severity.INFO, minutes=1_440, of_a_model=True),
    Kind.STRAY_ROWS: Asks(Severity.WARNING, Bounds("rows", 0.0, 1e9, 0.0)),
    Kind.TASK_FAILED: Asks(Severity.WARNING, minutes=15),
}
LONGEST_WINDOW = 30 * 24 * 60  # minutes


def problems(kind: Kind, *, threshold: float | None, minutes: int | None, has_model: bool) -> dict[str, str]:
    """By field, why a rule of the kind cannot have these; a sentence that says what to do."""
    asks, found = ASKS[kind], {}
    if asks.threshold is None and threshold is not None:
        found["threshold"] = f"'{kind.label}' has no threshold: leave it empty"
    elif asks.threshold is not None:
        found |= _threshold_problem(kind, asks.threshold, threshold)
    if asks.minutes is None and minutes is not None:
        found["minutes"] = f"'{kind.label}' looks at the present, so it has no window: leave it empty"
    elif asks.minutes is not None and (minutes is None or not 1 <= minutes <= LONGEST_WINDOW):
        found["minutes"] = f"say over how many minutes, from 1 to {LONGEST_WINDOW:,}: {asks.minutes:,} is usual"
    if has_model and not asks.of_a_model:
        found["model"] = f"'{kind.label}' is of the whole site: leave the model empty"
    return found


def _threshold_problem(kind: Kind, bounds: Bounds, threshold: float | None) -> dict[str, str]:
    if threshold is None and bounds.default is None:
        return {}
    if threshold is None or not bounds.least <= threshold <= bounds.most:  # NaN is neither
        usual = "" if bounds.default is None else f"; {bounds.default:g} is usual"
        return {"threshold": f"say {bounds.says}, from {bounds.least:g} to {bounds.most:,g}{usual}"}
    return {}
