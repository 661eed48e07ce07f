"""django-celery-beat's schedules, with a sentence where one names what is gone."""

import json
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django_celery_beat.admin import PeriodicTaskAdmin, PeriodicTaskForm
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from registry.admin.lists import QuickAdmin
from registry.models import RegisteredModel
from training.models import Market

NAMED = {"market": Market, "model": RegisteredModel}  # by the name of a task's argument
WHEN = (IntervalSchedule, CrontabSchedule, SolarSchedule, ClockedSchedule)
TASKS = {  # by name, since to import them all would bring the fitting stack into a web process
    "data.follow_markets": "follow the markets: candles, forecasts, outcomes",
    "data.fetch_candles": "fetch the candles that have closed",
    "data.sweep_training_runs": "queue again the runs of killed processes",
    "data.retrain_due": "retrain the models that are due by their policies",
    "data.forget_idempotent_replies": "forget the replies to idempotency keys",
    "data.ensure_partitions": "make the next months of the log",
    "data.queue_training_run": "train a version of a model",
}

admin.site.unregister([PeriodicTask, *WHEN])


class ScheduleForm(PeriodicTaskForm):  # type: ignore[misc]  # it ships no types
    regtask = forms.ChoiceField(
        label="Task", required=False, widget=UnfoldAdminSelectWidget, help_text="Or name another below."
    )
    task = forms.CharField(label="Task by name", required=False, max_length=200, widget=UnfoldAdminTextInputWidget)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        said = [(name, f"{name}: {what}") for name, what in TASKS.items()]
        self.fields["regtask"].choices = [("", "as named below"), *said]


@admin.register(PeriodicTask)
class ScheduleAdmin(QuickAdmin[Any], PeriodicTaskAdmin):  # type: ignore[misc]  # it ships no types
    """Editable: what is changed here, beat does from its next tick on."""

    form = ScheduleForm
    change_form_template = None  # its own draws Django's old form
    list_display = ("name", "enabled", "scheduler", "state", "last_run_at", "total_run_count", "one_off")
    list_filter = ("enabled", "one_off", "task")
    date_hierarchy = None
    actions = ("enable_tasks", "disable_tasks")  # another would load every task into this process to run one

    def dressed(self, rows: Sequence[Any]) -> Sequence[Any]:
        for argument, model in NAMED.items():
            asked = {row.pk: _arguments(row).get(argument) for row in rows}
            names = {name for name in asked.values() if isinstance(name, str)}
            held = set(model._default_manager.filter(name__in=names).values_list("name", flat=True)) if names else set()
            for row in rows:
                gone = asked[row.pk] in names - held
                row.gone = [*getattr(row, "gone", []), *([f"{argument} {asked[row.pk]} is gone"] if gone else [])]
        return rows

    @admin.display(description="state")
    def state(self, schedule: Any) -> str:
        if schedule.gone:
            return "; ".join(schedule.gone)
        if not schedule.enabled:
            return "switched off"
        return "fine" if schedule.last_run_at else "has not run yet"


@admin.register(*WHEN)
class WhenAdmin(QuickAdmin[Any]):
    """When something is to happen; made where a schedule is edited."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return False


def _arguments(schedule: Any) -> dict[str, Any]:
    try:
        given = json.loads(schedule.kwargs)
    except ValueError:
        return {}
    return given if isinstance(given, dict) else {}
