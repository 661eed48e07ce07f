"""Live: the newest hour by the minute, drawn anew each ten seconds by monitoring/live.js."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from cryptoml_site.clock import now
from monitoring.dashboards.page import Dashboard
from monitoring.metrics.minutes import Hour, Minute, newest_hour
from registry.admin.charts import charts
from registry.plots import Curve, Plot, Tone

SECONDS = 10  # between two looks
TONES: tuple[Tone, ...] = ("model", "other", "quiet")


class LiveDashboard(Dashboard):
    title: ClassVar[str] = "Live"
    permission_required = "registry.view_modelversion"  # as GET /metrics asks of staff
    template_name = "admin/monitoring/dashboards/live.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        at = now()
        hour = newest_hour(at)
        return super().get_context_data(
            at=at,
            seconds=SECONDS,
            hour=hour,
            figures=figures(hour),
            errors=hour.whole.errors.most_common(),
            plots=charts(plots(hour.minutes)),
            **kwargs,
        )


def figures(hour: Hour) -> list[tuple[str, str]]:
    """Of the whole hour, in words."""
    whole = hour.whole
    said = whole.answered
    return [
        ("requests", f"{whole.requests:,}"),
        ("a second", _said(whole.request_rate, "{:.2f}")),
        ("refused or failed", _said(hour.failed_share, "{:.2%}")),
        ("answers", f"{said.answers:,}"),
        ("up, down, abstained", f"{said.up:,}, {said.down:,}, {said.abstained:,}"),
        ("mean confidence", _said(said.confidence_mean, "{:.4f}")),
        *((f"p{round(100 * q)}", _said(whole.milliseconds(q), "{:.2f} ms")) for q in (0.5, 0.95, 0.99)),
    ]


def plots(minutes: Sequence[Minute]) -> list[Plot]:
    """Always the same ones with the same curves, so that a script can give them newer numbers."""
    return [
        _plot(
            minutes,
            "Requests a second",
            [
                ("for answers", [each.request_rate for each in minutes]),
                ("refused or failed", [each.failure_rate for each in minutes]),
            ],
            y="a second",
        ),
        _plot(
            minutes,
            "Response times",
            [(f"p{round(100 * q)}", [each.milliseconds(q) for each in minutes]) for q in (0.5, 0.95, 0.99)],
            y="ms",
        ),
        _plot(
            minutes,
            "Answers a minute",
            [
                ("up", [each.answered.up for each in minutes]),
                ("down", [each.answered.down for each in minutes]),
                ("abstained", [each.answered.abstained for each in minutes]),
            ],
            y="answers",
        ),
        _plot(
            minutes,
            "Mean confidence",
            [("of up and down", [each.answered.confidence_mean for each in minutes])],
            y="probability of the direction",
        ),
    ]


def _plot(minutes: Sequence[Minute], title: str, curves: Sequence[tuple[str, Sequence[float | None]]], y: str) -> Plot:
    drawn = [Curve(name, ys, tone=tone) for (name, ys), tone in zip(curves, TONES, strict=False)]
    return Plot(title, "", drawn, labels=[f"{each.began_at:%H:%M}" for each in minutes], y=y)


def _said(value: float | None, form: str) -> str:
    return "not known" if value is None else form.format(value)
