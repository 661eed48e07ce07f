"""The report as one HTML document that asks nothing of any host."""

from typing import Any

from django.template.loader import render_to_string

ROWS = (
    ("answers", "count", "{:,}"),
    ("requests", "requests", "{:,}"),
    ("requests a second", "request_rate", "{:.4f}"),
    ("share refused or failed", "error_rate", "{:.2%}"),
    ("share failed", "server_error_rate", "{:.2%}"),
    ("mean confidence", "confidence_mean", "{:.4f}"),
    ("share of up", "up_share", "{:.2%}"),
    ("mean response time, ms", "response_time_ms_mean", "{:.2f}"),
    ("p99 response time, ms", "response_time_ms_p99", "{:.2f}"),
)


def page(report: dict[str, Any]) -> str:
    current, before = _flat(report["current"]), _flat(report["before"])
    rows = [
        (title, _said(current[name], form), _said(before[name], form), _said(report["trend"][name], _signed(form)))
        for title, name, form in ROWS
    ]
    tallest = max((day["count"] for day in report["by_day"]), default=0) or 1
    bars = [{**day, "width": round(100 * day["count"] / tallest, 1)} for day in report["by_day"]]
    return render_to_string("monitoring/report.html", {"report": report, "rows": rows, "bars": bars})


def _flat(figures: dict[str, Any]) -> dict[str, float | None]:
    up, down = figures["prediction_distribution"]["up"], figures["prediction_distribution"]["down"]
    return {
        **figures,
        "confidence_mean": figures["confidence"]["mean"],
        "up_share": up / (up + down) if up + down else None,
        "response_time_ms_mean": figures["response_time_ms"]["mean"],
        "response_time_ms_p99": figures["response_time_ms"]["p99"],
    }


def _said(value: float | None, form: str) -> str:
    return "not known" if value is None else form.format(value)


def _signed(form: str) -> str:
    return form.replace("{:", "{:+")
