"""What a check found, channel by channel: each has its own verdict, and they are never joined into one flag."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import TextChoices


class Status(TextChoices):
    """In the order of their weight."""

    NOT_CALIBRATED = "not_calibrated"
    OK = "ok"
    WARNING = "warning"
    ALERT = "alert"

    @property
    def weight(self) -> int:
        return list(Status).index(self)


class Channel(TextChoices):
    INTEGRITY = "integrity", "integrity: faults of data or pipeline"
    DISTRIBUTION = "distribution", "distribution of the features"
    PREDICTION = "prediction", "distribution of the answers"
    OUTCOME = "outcome", "outcomes: answers go wrong"


@dataclass(frozen=True)
class Found:
    """Of one channel. over: at this check alone; status: with those before it. says: a sentence for who must act."""

    status: Status
    says: str
    over: bool = False
    figures: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"status": self.status.value, "over": self.over, "says": self.says, **self.figures}


@dataclass(frozen=True)
class Findings:
    """features: of each feature the classic statistics, as `GET /drift/check` tells them."""

    found: dict[Channel, Found]
    features: list[dict[str, Any]]
    source: str
    rows: int
    first_at: datetime | None
    last_at: datetime | None

    @property
    def status(self) -> Status:
        """The worst of the channels; not_calibrated where no channel can tell anything."""
        return max((each.status for each in self.found.values()), key=lambda status: status.weight)

    @property
    def channels(self) -> dict[str, Any]:
        return {channel.value: each.as_json() for channel, each in self.found.items()}
