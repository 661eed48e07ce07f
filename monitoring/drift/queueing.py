"""The door to the worker that checks drift, for those who must not import what checks it."""

from celery import current_app
from kombu.exceptions import OperationalError

from cryptoml_site.clock import now
from cryptoml_site.errors import Unavailable
from monitoring.models import DriftCheck
from registry.models import RegisteredModel

CHECK = "monitoring.check_drift"


def ask_for_check(model: RegisteredModel, *, actor: str) -> DriftCheck:
    """One for a worker to do. Raises Unavailable (queue_unavailable) where the broker is away; nothing new waits then,
    but what was asked for before may be under way."""
    asked_at = now()
    check = DriftCheck.objects.ask(model, actor=actor)
    try:
        current_app.send_task(CHECK, [str(check.pk)])
    except OperationalError as error:
        own = DriftCheck.objects.filter(pk=check.pk, state=DriftCheck.State.QUEUED, asked_at__gte=asked_at)
        own.delete()
        said = "the queue does not answer, so nobody would check: try again"
        raise Unavailable(said, code="queue_unavailable") from error
    return check
