"""A report's plots as data and options for Unfold's charts."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from registry.plots import Curve, Plot

COLOURS = {"model": "var(--color-primary-600)", "other": "var(--color-orange-500)", "quiet": "var(--color-base-400)"}
GREY = "#9ca3af"  # of Unfold's own ticks: readable on white and on black
BAND = "rgb(96 165 250 / 18%)"


@dataclass(frozen=True)
class Chart:
    """kind: "line" or "bar"."""

    title: str
    sentence: str
    kind: str
    data: str
    options: str


def charts(plots: Sequence[Plot]) -> list[Chart]:
    """Of those that have something to draw."""
    return [_bars(plot) if plot.kind == "bar" else _lines(plot) for plot in plots if plot.curves]


def _lines(plot: Plot) -> Chart:
    datasets = [dataset for curve in plot.curves for dataset in [*_band(curve), _line(curve)]]
    options = _options(plot)
    if plot.labels is None:  # numbers along both axes
        options["scales"]["x"]["type"] = "linear"
        options["interaction"] = {"mode": "nearest", "intersect": False}
    return _chart(plot, datasets, options)


def _bars(plot: Plot) -> Chart:
    bars = [
        {"label": curve.name, "data": list(curve.ys), "backgroundColor": COLOURS[curve.tone], "barThickness": 8}
        for curve in plot.curves
    ]
    options = _options(plot) | {"indexAxis": "y"}
    options["scales"]["y"]["ticks"]["autoSkip"] = False
    return _chart(plot, bars, options)


def _chart(plot: Plot, datasets: list[dict[str, Any]], options: dict[str, Any]) -> Chart:
    labelled = {} if plot.labels is None else {"labels": list(plot.labels)}
    data = json.dumps({"datasets": datasets} | labelled)
    return Chart(plot.title, plot.sentence, plot.kind, data, json.dumps(options))


def _line(curve: Curve) -> dict[str, Any]:
    colour = COLOURS[curve.tone]
    dots = {"pointStyle": "circle", "pointRadius": 4, "backgroundColor": colour} if curve.dots else {"pointRadius": 0}
    dash = {"borderDash": [4, 4]} if curve.tone == "quiet" else {}
    data = _points(curve, curve.ys)
    return {"label": curve.name, "data": data, "borderColor": colour, "borderWidth": 2, **dots, **dash}


def _band(curve: Curve) -> list[dict[str, Any]]:
    """The interval around a curve: its lower bound, and the upper one filled down to it."""
    if curve.low is None or curve.high is None:
        return []
    plain = {"borderWidth": 0, "pointRadius": 0, "backgroundColor": BAND}
    return [
        {"label": "95 %, from", "data": _points(curve, curve.low), **plain},
        {"label": "to", "data": _points(curve, curve.high), "fill": "-1", **plain},
    ]


def _points(curve: Curve, ys: Sequence[float | None]) -> list[Any]:
    return list(ys) if curve.xs is None else [{"x": x, "y": y} for x, y in zip(curve.xs, ys, strict=True)]


def _options(plot: Plot) -> dict[str, Any]:
    """Unfold's own options hide the numbers of the y axis."""
    return {
        "animation": False,
        "maintainAspectRatio": False,
        "interaction": {"mode": "index", "intersect": False},
        "plugins": {
            "legend": {
                "align": "end",
                "labels": {"color": GREY, "usePointStyle": True, "boxHeight": 5, "boxWidth": 5},
            }
        },
        "scales": {"x": _axis(plot.x), "y": _axis(plot.y)},
    }


def _axis(title: str) -> dict[str, Any]:
    return {
        "title": {"display": bool(title), "text": title, "color": GREY},
        "ticks": {"color": GREY, "maxRotation": 0, "autoSkipPadding": 16},
        "grid": {"tickLength": 0},
        "border": {"display": False},
    }
