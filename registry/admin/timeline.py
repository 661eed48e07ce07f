"""The ledger of one model, drawn: which version answered when, and what was done to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from cryptoml_site.clock import now
from registry.models import Deployment, ModelVersion, RegisteredModel

DRAWN = 12  # of the newest moves and switches, as broad as they lasted
EVENTS = 6


@dataclass(frozen=True)
class Reign:
    """A version in production from `since` until `until`; None while it lasts. shut: the model was suspended."""

    version: ModelVersion
    kind: str
    shut: bool
    since: datetime
    until: datetime | None
    seconds: int

    @property
    def said(self) -> str:
        end = f"{self.until:%Y-%m-%d %H:%M:%S}" if self.until else "now"
        return f"version {self.version.number}: {self.since:%Y-%m-%d %H:%M:%S} to {end} UTC"


@dataclass(frozen=True)
class Timeline:
    reigns: Sequence[Reign]
    events: Sequence[Deployment]
    more: bool  # events than are shown

    @classmethod
    def of(cls, model: RegisteredModel) -> "Timeline":
        rows = model.deployments.select_related("to_version", "from_version").order_by("-generation")
        events = list(rows[: EVENTS + 1])
        drawn = list(rows.filter(kind__in=(*Deployment.MOVES, *Deployment.SWITCHES))[:DRAWN])[::-1]
        shut = bool(drawn) and model.deployments.suspensions(drawn[0].created_at).exists()
        return cls(reigns(drawn, at=now(), shut=shut), events[:EVENTS], more=len(events) > EVENTS)


def reigns(rows: Sequence[Deployment], *, at: datetime, shut: bool = False) -> list[Reign]:
    """rows: the moves and switches of one model, oldest first. shut: whether it was suspended when they began."""
    ends = [later.created_at for _, later in pairwise(rows)]
    drawn = []
    for row, until in zip(rows, [*ends, None][: len(rows)], strict=True):
        if row.kind in Deployment.SWITCHES:
            shut = row.kind == Deployment.Kind.SUSPEND
        lasted = ((until or at) - row.created_at).total_seconds()
        drawn.append(Reign(row.to_version, row.kind, shut, row.created_at, until, seconds=max(1, int(lasted))))
    return drawn
