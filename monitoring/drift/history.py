"""A model's newest checks, ready to be drawn: features over time, how near each channel came to an alarm, incidents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from monitoring.drift.findings import Channel
from monitoring.models import DriftCheck, DriftEvent
from registry.models import Deployment, RegisteredModel
from registry.plots import Curve, Plot

CHECKS = 60  # two months of days
DARKEST = 1.5  # times the threshold, from where a cell grows no darker
NARROWEST = timedelta(hours=1)  # that a line of time is drawn for


@dataclass(frozen=True)
class Cell:
    """darkness: 0 as usual, 1 far over what is unusual; None where the check says nothing of the feature."""

    darkness: float | None
    over: bool
    says: str


@dataclass(frozen=True)
class HeatMap:
    """rows: by feature, a cell for each check, oldest first."""

    checks: Sequence[DriftCheck]
    rows: Sequence[tuple[str, Sequence[Cell]]]

    @classmethod
    def of(cls, checks: Sequence[DriftCheck]) -> HeatMap:
        names = dict.fromkeys(each["name"] for check in reversed(checks) for each in check.features)
        by_name = [{each["name"]: each for each in check.features} for check in checks]
        rows = [
            (name, [_cell(check, found.get(name)) for check, found in zip(checks, by_name, strict=True)])
            for name in names
        ]
        return cls(checks, rows)


def _cell(check: DriftCheck, feature: dict[str, Any] | None) -> Cell:
    distance: float | None = feature["contribution"] if feature else None
    unusual: float | None = check.channels.get(Channel.DISTRIBUTION, {}).get("threshold")
    if distance is None or unusual is None:
        return Cell(None, over=False, says=f"{check.checked_at:%Y-%m-%d %H:%M}: not calibrated")
    said = f"{check.checked_at:%Y-%m-%d %H:%M}: {distance:.1f}, over {unusual:.1f} is unusual"
    darkness = min(max(distance / unusual, 0.0) / DARKEST, 1.0)
    return Cell(round(darkness, 2), over=distance > unusual, says=said)


def nearness(checks: Sequence[DriftCheck]) -> Plot:
    """Each channel's figure over the one that alarms: 1 is the limit."""
    title = "How near to an alarm"
    curves = [
        Curve("features", [_share(check, Channel.DISTRIBUTION, "m", "threshold") for check in checks]),
        Curve("answers", [_share(check, Channel.PREDICTION, "m", "threshold") for check in checks], dots=True),
        Curve("outcomes", [_share(check, Channel.OUTCOME, "cusum", "alarm_at") for check in checks], tone="other"),
    ]
    told = [curve for curve in curves if any(y is not None for y in curve.ys)]
    if not told:
        return Plot(title, "No check was calibrated yet.")
    limit = Curve("limit", [1.0] * len(checks), tone="quiet")
    return Plot(
        title,
        "Of each check; over 1 is a warning, and of outcomes an alert.",
        [*told, limit],
        labels=[f"{check.checked_at:%m-%d %H:%M}" for check in checks],
        y="share of the limit",
    )


def _share(check: DriftCheck, channel: Channel, figure: str, limit: str) -> float | None:
    found = check.channels.get(channel, {})
    value, most = found.get(figure), found.get(limit)
    return None if value is None or not most else round(value / most, 3)


@dataclass(frozen=True)
class Bar:
    """left, width: in per cent of the line of time."""

    left: float
    width: float
    says: str
    key: Any
    open: bool = False


@dataclass(frozen=True)
class Timeline:
    """incidents: by channel. moves: what was put into production, when."""

    since: datetime
    until: datetime
    incidents: Sequence[tuple[Channel, Sequence[Bar]]]
    moves: Sequence[Bar]

    @classmethod
    def of(cls, model: RegisteredModel, *, since: datetime, until: datetime) -> Timeline:
        since = min(since, until - NARROWEST)
        events = list(DriftEvent.objects.within(model, since, until))
        moves = Deployment.objects.filter(model=model, kind__in=Deployment.MOVES, created_at__range=(since, until))
        return cls(
            since,
            until,
            [(channel, [_bar(e, since, until) for e in events if e.channel == channel]) for channel in Channel],
            [
                Bar(_place(move.created_at, since, until), 0.0, f"v{move.to_version.number}", move.pk)
                for move in moves.select_related("to_version").order_by("generation")
            ],
        )


def _bar(event: DriftEvent, since: datetime, until: datetime) -> Bar:
    left = _place(max(event.opened_at, since), since, until)
    right = _place(event.closed_at or until, since, until)
    return Bar(left, round(right - left, 2), f"{event}: {event.sentence}", event.pk, open=event.closed_at is None)


def _place(moment: datetime, since: datetime, until: datetime) -> float:
    return round(100 * ((moment - since) / (until - since)), 2)
