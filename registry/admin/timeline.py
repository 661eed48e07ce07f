"""The ledger of one model, drawn: which version answered when, and what was done to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from cryptoml_site.clock import now
from registry.models import Deployment, ModelVersion, RegisteredModel

MOVES = 12  # of the newest, as broad as they lasted
EVENTS = 6


@dataclass(frozen=True)
class Reign:
    """A version in production from `since` until `until`; None while it lasts."""

    version: ModelVersion
    kind: str
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
        moves = list(rows.moves()[:MOVES])[::-1]
        return cls(reigns(moves, at=now()), events[:EVENTS], more=len(events) > EVENTS)


def reigns(moves: Sequence[Deployment], *, at: datetime) -> list[Reign]:
    """moves: of one model, oldest first."""
    ended = [later.created_at for _, later in pairwise(moves)]
    return [_reign(move, until, at=at) for move, until in zip(moves, [*ended, None][: len(moves)], strict=True)]


def _reign(move: Deployment, until: datetime | None, *, at: datetime) -> Reign:
    lasted = ((until or at) - move.created_at).total_seconds()
    return Reign(move.to_version, move.kind, move.created_at, until, seconds=max(1, int(lasted)))
