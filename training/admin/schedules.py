"""django-celery-beat's schedules, with a sentence where one names what is gone."""

import json
from collections.abc import Sequence
from inspect import Signature, signature
from typing import Any

from celery import current_app
from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django_celery_beat.admin import PeriodicTaskAdmin, PeriodicTaskForm
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from registry.admin.kept_json import KeptJSON
from registry.admin.lists import QuickAdmin
from registry.models import RegisteredModel
from training.models import Market
from training.tasks import queue_training_run

NAMED = {"market": Market, "model": RegisteredModel}  # by the name of a task's argument
WHEN = (IntervalSchedule, CrontabSchedule, SolarSchedule, ClockedSchedule)
TASKS = {  # by name, since to import them all would bring the fitting stack into a web process
    "data.follow_markets": "follow the markets: candles, forecasts, outcomes",
    "data.fetch_candles": "fetch the candles that have closed",
    "data.sweep_training_runs": "queue again the runs of killed processes",
    "data.retrain_due": "retrain the models that are due by their policies",
    "data.forget_idempotent_replies": "forget the replies to idempotency keys",
    "data.ensure_partitions": "make the next months of the log",
    queue_training_run.name: "train a version of a model",
}
NOTHING = Signature()  # what a task of TASKS takes that this process has not loaded

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

    def clean_args(self) -> str:
        if KeptJSON(required=False).clean(self.cleaned_data["args"]):
            raise forms.ValidationError("give arguments by name, below, and leave [] here")
        return "[]"

    def clean_kwargs(self) -> str:
        """As it was typed, once it is known to be an object that can be kept."""
        given: str = self.cleaned_data["kwargs"] or "{}"
        if not isinstance(KeptJSON(required=False).clean(given), dict):
            raise forms.ValidationError('give arguments by name, such as {"model": "demo-usd-1m"}, or {} for none')
        return given

    def clean(self) -> dict[str, Any]:
        answers: dict[str, Any] = self.cleaned_data
        if "task" in self.errors:  # which django-celery-beat's own does not foresee
            return answers
        answers = super().clean()
        if "kwargs" in answers and answers.get("enabled"):  # who switches one off need not mend it
            given = json.loads(answers["kwargs"])
            for field, sentence in (faults(answers["task"], given) or _unknown(given)).items():
                self.add_error("regtask" if field == "task" and answers.get("regtask") else field, sentence)
        return answers


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
        wrong = faults(schedule.task, _arguments(schedule))
        if wrong and schedule.args in ("", "[]"):  # what is given by place is not looked at
            return f"fails each time: {'; '.join(wrong.values())}"
        if not schedule.enabled:
            return "switched off"
        return "fine" if schedule.last_run_at else "has not run yet"


@admin.register(*WHEN)
class WhenAdmin(QuickAdmin[Any]):
    """When something is to happen; made where a schedule is edited."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return False


def faults(task: str, given: dict[str, Any]) -> dict[str, str]:
    """Why a schedule of that task with these arguments can only fail, by the field to change; empty where it may work.

    What a task makes of its arguments is its own business, but for names of models and markets.
    """
    if task not in TASKS and task not in current_app.tasks:
        return {"task": f"no task is called '{task}': there are {', '.join(TASKS)}"}
    known = current_app.tasks.get(task)
    takes = signature(known.run) if known else NOTHING
    try:
        takes.bind(**given)
    except TypeError as error:
        names = ", ".join(takes.parameters) or "no arguments"
        return {"kwargs": f"{task} takes {names}: {error}"}
    texts = [name for name, entry in takes.parameters.items() if entry.annotation is str]
    wrong = [name for name in texts if not isinstance(given.get(name, ""), str)]
    return {"kwargs": f"{', '.join(wrong)} of {task} is no text: put it in quotes"} if wrong else {}


def _unknown(given: dict[str, Any]) -> dict[str, str]:
    for argument, model in NAMED.items():
        if argument in given and not model._default_manager.filter(name=given[argument]).exists():
            return {"kwargs": f"no {argument} is called '{given[argument]}'"}
    return {}


def _arguments(schedule: Any) -> dict[str, Any]:
    try:
        given = json.loads(schedule.kwargs)
    except ValueError:
        return {}
    return given if isinstance(given, dict) else {}
