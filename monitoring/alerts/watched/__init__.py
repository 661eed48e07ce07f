"""What each kind of rule finds wrong. One function a kind: the rule and the moment in, all that is wrong out."""

from monitoring.alerts.kinds import Kind
from monitoring.alerts.watched.answers import errors, latency, spool, stray_rows
from monitoring.alerts.watched.firing import Firing, Watched
from monitoring.alerts.watched.forecasts import drift, hit_rate, stale_data
from monitoring.alerts.watched.work import failed_run, gate_refused, task_failed, worker_gone

BY_KIND: dict[Kind, Watched] = {
    Kind.DRIFT: drift,
    Kind.HIT_RATE: hit_rate,
    Kind.LATENCY: latency,
    Kind.ERRORS: errors,
    Kind.STALE_DATA: stale_data,
    Kind.FAILED_RUN: failed_run,
    Kind.SPOOL: spool,
    Kind.WORKER_GONE: worker_gone,
    Kind.GATE_REFUSED: gate_refused,
    Kind.STRAY_ROWS: stray_rows,
    Kind.TASK_FAILED: task_failed,
}

__all__ = ["BY_KIND", "Firing", "Watched"]
