from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused
from registry.admin.pages import AskingPage, Confirmation, ConfirmingAdmin
from training.admin.trial import trials_of
from training.concerns import span
from training.forms import TrainForm
from training.models import TrainingRun
from training.models.run import SILENCE
from training.queueing import enqueue

Status = TrainingRun.Status
WAITS_LONG = timedelta(minutes=2)
RUNS_LONG = timedelta(hours=2)
SHOWN = 70  # characters of a state in the list


class TrainPage(AskingPage):
    """Queues a run; a worker fits it."""

    verb = "Train"
    permission_required = "training.add_trainingrun"
    form_class = TrainForm
    explanation = "A worker fits and judges the version. It becomes a candidate: what answers stays as it is."

    def act(self, answers: dict[str, Any]) -> HttpResponse:
        with transaction.atomic():
            run = TrainingRun.objects.create(actor=self.actor, **answers)
            enqueue(run)
        self.model_admin.log_addition(self.request, run, "queued")
        self.model_admin.message_user(self.request, f"Done: {run} is queued.")
        return redirect(self.admin_url("change", run.pk))


class CancelPage(Confirmation):
    name, verb = "cancel", "Cancel"
    permission_required = "training.change_trainingrun"
    explanation = (
        "A waiting run leaves the queue at once; one that is under way ends in some seconds, and leaves no version."
    )

    @classmethod
    def offered(cls, subject: TrainingRun) -> bool:
        return subject.status in (Status.QUEUED, Status.RUNNING)

    def change(self, answers: dict[str, Any]) -> str:
        self.subject.cancel()
        return f"{self.subject} is cancelled"


@admin.register(TrainingRun)
class TrainingRunAdmin(ConfirmingAdmin[TrainingRun]):
    """Attempts to learn a version: added to the queue here, fitted by a worker."""

    pages = (CancelPage,)
    change_form_template = "admin/training/trainingrun/change_form.html"
    list_display = (
        "id",
        "model",
        "status",
        "progress",
        "in_short",
        "recipe",
        "created_at",
        "took",
        "actor",
    )
    list_filter = ("status", "estimator", "feature_set", "model")
    list_select_related = ("model", "version")
    ordering = ("-pk",)
    search_fields = ("model__name", "actor")
    search_help_text = "Name of a model, or actor (user:anna, schedule:retrain, command:root)"
    fields = (
        ("model", "market"),
        "status",
        "progress",
        "state",
        "version",
        ("estimator", "feature_set"),
        ("folds", "seed"),
        ("params", "options"),
        ("time_limit_minutes", "memory_limit_mb"),
        ("actor", "attempts"),
        ("policy", "reason"),
        ("created_at", "started_at"),
        ("seen_at", "finished_at"),
        "error",
        "trials_made",
        "log_said",
    )

    def has_change_permission(self, request: HttpRequest, obj: TrainingRun | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[TrainingRun]:
        """Without what may be long, and no list shows."""
        found = super().get_queryset(request)
        return found.defer("log", "version__metrics", "version__signature", "version__environment")

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return TrainPage.as_view(model_admin=self)(request)  # type: ignore[return-value]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """One for any number of rows takes the place of the one that leads to a page for one."""
        chosen = super().get_actions(request)
        if chosen.pop(CancelPage.name, None):
            chosen["cancel_selected"] = (TrainingRunAdmin.cancel_selected, "cancel_selected", "Cancel those selected")
        return chosen

    def cancel_selected(self, request: HttpRequest, selected: QuerySet[TrainingRun]) -> None:
        cancelled, ended = [], 0
        for run in selected:
            try:
                run.cancel()
            except Refused:
                ended += 1
            else:
                cancelled.append(run)
                self.log_change(request, run, f"{run} is cancelled")
        left = f"; {ended} had ended already" if ended else ""
        tone = messages.SUCCESS if cancelled else messages.WARNING
        self.message_user(request, f"{len(cancelled)} cancelled{left}.", tone)

    def dressed(self, rows: Sequence[TrainingRun]) -> Sequence[TrainingRun]:
        places = TrainingRun.objects.places() if any(run.status == Status.QUEUED for run in rows) else {}
        for run in rows:
            run.place = places.get(run.pk)
        return rows

    @admin.display(description="progress")
    def progress(self, run: TrainingRun) -> SafeString:
        return format_html(
            '<progress max="{}" value="{}"></progress> {} / {} folds',
            run.folds,
            run.folds_done,
            run.folds_done,
            run.folds,
        )

    @admin.display(description="recipe", ordering="estimator")
    def recipe(self, run: TrainingRun) -> str:
        return f"{run.estimator} on {run.feature_set}"

    @admin.display(description="state")
    def state(self, run: TrainingRun) -> str:
        return state(run, now())

    @admin.display(description="state")
    def in_short(self, run: TrainingRun) -> SafeString:
        """For a row of the list: an error may be as long as it has to be."""
        whole = state(run, now())
        return format_html('<span title="{}">{}</span>', whole, Truncator(whole).chars(SHOWN))

    @admin.display(description="took", empty_value="-")
    def took(self, run: TrainingRun) -> str | None:
        return span(run.finished_at - run.started_at) if run.started_at and run.finished_at else None

    @admin.display(description="trials")
    def trials_made(self, run: TrainingRun) -> str:
        return trials_of(run)

    @admin.display(description="log")
    def log_said(self, run: TrainingRun) -> SafeString:
        return format_html("<pre>{}</pre>", run.log or "nothing yet")


def state(run: TrainingRun, at: datetime) -> str:
    """What to make of the run, and what to do where it does not end by itself."""
    if run.status == Status.QUEUED:
        return _while_waiting(run, at)
    if run.status == Status.RUNNING:
        return _while_running(run, at)
    if run.status == Status.SUCCEEDED and run.version is not None:
        return f"made version {run.version.number}"
    return run.error or "cancelled"


def _while_waiting(run: TrainingRun, at: datetime) -> str:
    if run.not_before is not None and run.not_before > at:
        return f"is tried again at {run.not_before:%H:%M:%S} UTC: {run.error}"
    waits = at - run.created_at
    place = f", {run.place} in the queue" if run.place else ""
    late = waits > WAITS_LONG and (run.place or 1) == 1
    asked = ": is a trainer running, or another run of this model under way?" if late else ""
    return f"waits since {span(waits)}{place}{asked}"


def _while_running(run: TrainingRun, at: datetime) -> str:
    if run.seen_at is not None and at - run.seen_at > SILENCE:
        silent = span(at - run.seen_at)
        return f"no sign of life for {silent}: its process seems to be dead, and the sweep will queue it again"
    under_way = at - (run.started_at or at)
    asked = ": longer than usual; cancel it if it does not move" if under_way > RUNS_LONG else ""
    return f"under way for {span(under_way)}{asked}"
