"""A version's report as plots: data and options for Unfold's charts, each with a sentence that says it too."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from registry.admin.figures import dig

Report = dict[str, Any]
Point = dict[str, float]

MODEL, OTHER, QUIET = "var(--color-primary-600)", "var(--color-orange-500)", "var(--color-base-400)"
FEATURES = 15  # of the most important
GREY = "#9ca3af"  # of Unfold's own ticks: readable on white and on black


@dataclass(frozen=True)
class Plot:
    """kind: "line" or "bar". Without data, `sentence` says why there is none."""

    title: str
    sentence: str
    kind: str = "line"
    data: str = ""
    options: str = ""


def plots(report: Report) -> list[Plot]:
    return [drawn(report) for drawn in DRAWN] if report else []


def undrawn(found: Sequence[Plot]) -> dict[str, list[str]]:
    """By the reason, what could not be drawn."""
    return {
        why: [plot.title for plot in found if plot.sentence == why and not plot.data]
        for why in dict.fromkeys(plot.sentence for plot in found if not plot.data)
    }


def by_fold(report: Report) -> Plot:
    title, folds = "Walk-forward, fold by fold", report.get("folds") or []
    if not folds:
        return Plot(title, "The report says nothing of its folds.")
    naive = dig(report, "baseline", "accuracy")
    labels = [f"{fold['test']['start'][:10]}" for fold in folds]
    right = [fold["accuracy"] for fold in folds]
    beaten = [fold.get("baseline_accuracy", naive) for fold in folds]  # older reports know that of all folds alone
    lines = [_line("Accuracy", right, dots=True), _line("Best naive rule", beaten, QUIET)]
    above = sum(a > b for a, b in zip(right, beaten, strict=True) if a is not None and b is not None)
    sentence = f"Above the best naive rule in {above} of {len(folds)} folds."
    return Plot(
        title, sentence, data=_json(labels, lines), options=_options(y="accuracy", x="first candle of the test")
    )


def calibration(report: Report) -> Plot:
    title, bins = "Calibration", report.get("reliability") or []
    if not bins:
        return Plot(title, "The report has no reliability table.")
    points = [{"x": entry["probability"], "y": entry["frequency"]} for entry in bins]
    ends = [value for point in points for value in point.values()]
    low, high = min(ends), max(ends)
    lines = [
        _line("Went up", points, dots=True),
        _line("Perfect", [{"x": low, "y": low}, {"x": high, "y": high}], QUIET),
    ]
    error = dig(report, "metrics", "ece")
    sentence = f"Mean distance from the diagonal: {error:.3f}." if error is not None else ""
    return Plot(title, sentence, data=_json(None, lines), options=_xy("said probability of up", "share that went up"))


def roc(report: Report) -> Plot:
    title, curve = "ROC curve", report.get("roc")
    if not curve:
        return Plot(title, MISSING)
    rates = zip(curve["false_positive_rate"], curve["true_positive_rate"], strict=True)
    lines = [
        _line("Model", [{"x": x, "y": y} for x, y in rates]),
        _line("Chance", [{"x": 0, "y": 0}, {"x": 1, "y": 1}], QUIET),
    ]
    area = dig(report, "metrics", "roc_auc")
    sentence = f"Area under the curve: {area:.3f}; chance has 0.5." if area is not None else ""
    return Plot(title, sentence, data=_json(None, lines), options=_xy("false positive rate", "true positive rate"))


def importance(report: Report) -> Plot:
    title, found = "What it leans on", dig(report, "importance", "features")
    if not found:
        return Plot(title, MISSING)
    shown = found[:FEATURES]
    losses = [row["log_loss"]["mean"] for row in shown]
    bars = {"label": "log loss gained", "data": losses, "backgroundColor": MODEL, "barThickness": 8}
    options = json.loads(_options(x="log loss gained when the feature is shuffled"))
    options |= {"indexAxis": "y"}
    options["scales"]["y"]["ticks"]["autoSkip"] = False
    most = f"Most of all on {shown[0]['name']}; about 0, or below, is noise."
    names = [row["name"] for row in shown]
    return Plot(title, most, kind="bar", data=_json(names, [bars]), options=json.dumps(options))


def equity(report: Report) -> Plot:
    title, curve = "Equity after costs, beside buy and hold", report.get("equity")
    if not curve:
        return Plot(title, MISSING)
    labels = [stamp[:10] for stamp in curve["as_of"]]
    lines = [
        _line("Model, after costs", curve["model"]),
        _line("Buy and hold", curve["hold"], OTHER),
        _line("Best naive rule, after costs", curve["naive"], QUIET),
    ]
    ends = f"In the end {curve['model'][-1]:+.3f}, buy and hold {curve['hold'][-1]:+.3f}"
    return Plot(title, f"{ends} (log return).", data=_json(labels, lines), options=_options(y="log return so far"))


MISSING = "Registered before reports kept this: train the version anew to see it."
DRAWN: Sequence[Callable[[Report], Plot]] = (by_fold, equity, calibration, roc, importance)


def _line(label: str, values: Sequence[Any], colour: str = MODEL, *, dots: bool = False) -> dict[str, Any]:
    drawn = {"pointStyle": "circle", "pointRadius": 4, "backgroundColor": colour} if dots else {"pointRadius": 0}
    dash = {"borderDash": [4, 4]} if colour == QUIET else {}
    return {"label": label, "data": list(values), "borderColor": colour, "borderWidth": 2, **drawn, **dash}


def _json(labels: Sequence[str] | None, datasets: Sequence[dict[str, Any]]) -> str:
    return json.dumps({"datasets": datasets} | ({} if labels is None else {"labels": labels}))


def _options(*, x: str = "", y: str = "") -> str:
    """Unfold's own options hide the numbers of the y axis."""
    return json.dumps(
        {
            "animation": False,
            "maintainAspectRatio": False,
            "interaction": {"mode": "index", "intersect": False},
            "plugins": {
                "legend": {
                    "align": "end",
                    "labels": {"color": GREY, "usePointStyle": True, "boxHeight": 5, "boxWidth": 5},
                }
            },
            "scales": {"x": _axis(x), "y": _axis(y)},
        }
    )


def _axis(title: str) -> dict[str, Any]:
    return {
        "title": {"display": bool(title), "text": title, "color": GREY},
        "ticks": {"color": GREY, "maxRotation": 0, "autoSkipPadding": 16},
        "grid": {"tickLength": 0},
        "border": {"display": False},
    }


def _xy(x: str, y: str) -> str:
    """Numbers along both axes."""
    options = json.loads(_options(x=x, y=y))
    options["scales"]["x"]["type"] = "linear"
    options["interaction"] = {"mode": "nearest", "intersect": False}
    return json.dumps(options)
