"""Who works in the background, and what came of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q

from monitoring.alerts.watched.firing import Firing
from monitoring.metrics.reading import Coverage, responses_by
from monitoring.metrics.spans import Span, floor, following
from monitoring.models import AlertRule, DriftCheck, Watermark, WorkerHeartbeat
from monitoring.workers.lost import lost
from predictions.response_times import TASK
from registry.models import ModelVersion
from training.concerns import span
from training.models import TrainingRun
from training.queueing import TRAIN

CHECKED_WITHIN = timedelta(days=2)  # before which a check that failed says nothing of the present
LONGEST = 300  # characters of somebody else's sentence


def failed_run(rule: AlertRule, at: datetime) -> Sequence[Firing]:
    """The newest failure of each model within the window, until a later run of it succeeds."""
    runs = TrainingRun.objects.filter(finished_at__gte=at - rule.window)
    better = TrainingRun.objects.filter(
        model=OuterRef("model"), status=TrainingRun.Status.SUCCEEDED, finished_at__gt=OuterRef("finished_at")
    )
    failed = runs.filter(~Exists(better), status=TrainingRun.Status.FAILED, **_of_model(rule))
    newest = failed.order_by("model_id", "-finished_at").distinct("model_id").select_related("model").defer("log")
    return [
        Firing(run.model.name, f"run {run.pk} failed: {run.error[:LONGEST]}", {"run": run.pk, "attempts": run.attempts})
        for run in newest
    ]


def gate_refused(rule: AlertRule, at: datetime) -> Sequence[Firing]:
    """Versions that a retraining policy was to stage or promote within the window and that stayed where they were.

    What a person asks for and a gate refuses is told to that person at once, and is no alert.
    """
    candidate, staged = ModelVersion.Stage.CANDIDATE, ModelVersion.Stage.STAGING
    stayed = Q(version__stage=candidate) | Q(version__stage=staged, policy__auto_promote=True)
    runs = TrainingRun.objects.filter(
        stayed, considered_at__gte=at - rule.window, policy__enabled=True, policy__auto_stage=True, **_of_model(rule)
    )
    newest = runs.order_by("model_id", "-considered_at").distinct("model_id").select_related("model", "version")
    return [found for run in newest if (found := _refused(run))]


def _refused(run: TrainingRun) -> Firing | None:
    """By the last line of the run's log, where the policy says what it did."""
    if run.version is None:
        return None
    said = (run.log.strip().splitlines() or [""])[-1].partition(" stays ")[2] or run.version.stage
    return Firing(run.model.name, f"version {run.version.number} stays {said[:LONGEST]}", {"run": run.pk})


def worker_gone(rule: AlertRule, at: datetime) -> Sequence[Firing]:
    """Work that nobody does any more. That beat is gone can be told by the web alone: without it nothing is watched."""
    silence = timedelta(seconds=rule.threshold or WorkerHeartbeat.SILENCE.total_seconds())
    return [
        Firing(each.subject, each.sentence, {"silent_seconds": int(each.silent.total_seconds())})
        for each in lost(list(WorkerHeartbeat.objects.all()), at=at, silence=silence)
    ]


def task_failed(rule: AlertRule, at: datetime) -> Sequence[Firing]:
    """Tasks that failed within the window, counting that is behind by more than it, and drift checks that fail."""
    return [*_counting_behind(rule, at), *_failed_tasks(rule, at), *_failed_checks(at)]


def _counting_behind(rule: AlertRule, at: datetime) -> Sequence[Firing]:
    mark = Watermark.objects.filter(pk=1).first()
    if mark is None or at - mark.passed_at <= rule.window:
        return []
    age = at - mark.passed_at
    said = f"nothing was counted for {span(age)}: metrics are behind; look at `data.roll_up` in the worker's log"
    return [Firing("counting", said, {"behind_seconds": int(age.total_seconds())})]


def _failed_tasks(rule: AlertRule, at: datetime) -> Sequence[Firing]:
    """By task, with the errors that ended it; a training run that fails has a rule of its own."""
    end = following(floor(at, Span.MINUTE), Span.MINUTE)
    counted = responses_by(["route", "code"], Coverage.of(at - rule.window, end), Q(method=TASK) & ~Q(route=TRAIN))
    by_task: dict[str, dict[str, int]] = defaultdict(dict)
    for (task, error), each in sorted(counted.items()):
        by_task[task][error] = each.responses
    return [
        Firing(
            f"task {task}",
            f"{task} failed {sum(errors.values()):,} times in {span(rule.window)} ({', '.join(errors)}): the log of "
            "the worker has the traceback",
            {"failures": sum(errors.values()), "errors": errors},
        )
        for task, errors in by_task.items()
    ]


def _failed_checks(at: datetime) -> Sequence[Firing]:
    """Of the models whose newest check of the last days could not be made."""
    newest = DriftCheck.objects.exclude(state=DriftCheck.State.QUEUED).order_by("model_id", "-asked_at")
    failed = DriftCheck.objects.filter(pk__in=newest.distinct("model_id").values("pk"), state=DriftCheck.State.FAILED)
    lately = failed.filter(asked_at__gte=at - CHECKED_WITHIN).select_related("model")
    return [
        Firing(f"drift check of {check.model.name}", check.error[:LONGEST], {"check": str(check.pk)})
        for check in lately
    ]


def _of_model(rule: AlertRule) -> dict[str, int]:
    return {"model_id": rule.model_id} if rule.model_id else {}
