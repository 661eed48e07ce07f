"""django-celery-beat's schedules, with a sentence where one names what is gone."""

import json
from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django_celery_beat.admin import PeriodicTaskAdmin
from django_celery_beat.models import PeriodicTask

from registry.admin.lists import QuickAdmin
from registry.models import RegisteredModel
from training.models import Market

NAMED = {"market": Market, "model": RegisteredModel}  # by the name of a task's argument

admin.site.unregister(PeriodicTask)


@admin.register(PeriodicTask)
class ScheduleAdmin(QuickAdmin[Any], PeriodicTaskAdmin):  # type: ignore[misc]  # it ships no types
    """Editable: what is changed here, beat does from its next tick on."""

    list_display = ("name", "enabled", "scheduler", "state", "last_run_at", "total_run_count", "one_off")
    list_filter = ("enabled", "one_off", "task")
    date_hierarchy = None

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


def _arguments(schedule: Any) -> dict[str, Any]:
    try:
        given = json.loads(schedule.kwargs)
    except ValueError:
        return {}
    return given if isinstance(given, dict) else {}
