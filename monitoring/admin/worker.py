"""Celery's workers and beat."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused
from monitoring.models import WorkerHeartbeat
from registry.admin.pages import Confirmation, ConfirmingAdmin
from training.concerns import span


class ForgetPage(Confirmation):
    name, verb = "forget", "Forget"
    permission_required = "monitoring.change_workerheartbeat"
    takes_away = True
    explanation = "For a process that is gone for good and that nobody replaces: it is missed no more."

    @classmethod
    def offered(cls, subject: WorkerHeartbeat) -> bool:
        return is_gone(subject)

    def change(self, answers: dict[str, Any]) -> str:
        if not is_gone(self.subject):
            raise Refused(f"{self.subject} lives: stop it instead", code="worker_alive")
        WorkerHeartbeat.objects.filter(pk=self.subject.pk).delete()
        return f"{self.subject} is forgotten"

    @property
    def landing(self) -> str:
        return self.admin_url("changelist")


@admin.register(WorkerHeartbeat)
class WorkerHeartbeatAdmin(ConfirmingAdmin[WorkerHeartbeat]):
    """A worker that stops in order is not listed any more; one that was killed is gone."""

    pages = (ForgetPage,)
    list_display = ("name", "queues", "host", "pid", "state", "at_work", "started_at", "seen_at")
    ordering = ("name", "host", "pid")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: WorkerHeartbeat | None = None) -> bool:
        return False

    @admin.display(description="queues")
    def queues(self, worker: WorkerHeartbeat) -> str:
        return ", ".join(worker.duties)

    @admin.display(description="state")
    def state(self, worker: WorkerHeartbeat) -> str:
        return f"gone, last seen {span(now() - worker.seen_at)} ago" if is_gone(worker) else "alive"

    @admin.display(description="is at")
    def at_work(self, worker: WorkerHeartbeat) -> str:
        if not worker.doing or worker.doing_since is None:
            return "nothing"
        return f"{worker.doing}, for {span(worker.seen_at - worker.doing_since)}"


def is_gone(worker: WorkerHeartbeat) -> bool:
    return now() - worker.seen_at > WorkerHeartbeat.SILENCE
