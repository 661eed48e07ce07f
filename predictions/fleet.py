"""The living web processes as this one last saw them; who asks for it waits for nothing."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.utils.module_loading import import_string

from cryptoml_site.clock import now
from predictions.models import WebProcess


class Fleet:
    """Swapped whole by one reference, by whoever looks."""

    def __init__(self) -> None:
        self.processes: Sequence[WebProcess] = ()

    def look(self) -> None:
        """Raises django.db.Error while Postgres is away; what was seen stays."""
        self.processes = tuple(WebProcess.objects.alive(now()).with_moves_not_served())
        for path in settings.FLEET_LOOKS:
            import_string(path)()


fleet = Fleet()  # one per process
