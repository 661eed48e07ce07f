"""What of a version's report is drawn, whoever draws it: the curves, and a sentence that says it too."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from registry.figures import dig

Report = dict[str, Any]
Tone = Literal["model", "other", "quiet"]
Values = Sequence[float | None]

FEATURES = 15  # of the most important
MISSING = "Registered before reports kept this: train the version anew to see it."


@dataclass(frozen=True)
class Curve:
    """ys over the plot's labels, or over xs of its own; low and high are the intervals around them, where known."""

    name: str
    ys: Values
    xs: Sequence[float] | None = None
    tone: Tone = "model"
    dots: bool = False
    low: Values | None = None
    high: Values | None = None


@dataclass(frozen=True)
class Plot:
    """x and y name the axes. Bars lie down, one for each label. Without curves, `sentence` says why there is none."""

    title: str
    sentence: str
    curves: Sequence[Curve] = ()
    labels: Sequence[str] | None = None
    kind: Literal["line", "bar"] = "line"
    x: str = ""
    y: str = ""


def plots(report: Report) -> list[Plot]:
    return [drawn(report) for drawn in DRAWN] if report else []


def undrawn(found: Sequence[Plot]) -> dict[str, list[str]]:
    """By the reason, what could not be drawn."""
    return {
        why: [plot.title for plot in found if plot.sentence == why and not plot.curves]
        for why in dict.fromkeys(plot.sentence for plot in found if not plot.curves)
    }


def by_fold(report: Report) -> Plot:
    title, folds = "Walk-forward, fold by fold", report.get("folds") or []
    if not folds:
        return Plot(title, "The report says nothing of its folds.")
    naive = dig(report, "baseline", "accuracy")
    right = [fold["accuracy"] for fold in folds]
    beaten = [fold.get("baseline_accuracy", naive) for fold in folds]  # older reports know that of all folds alone
    above = sum(a > b for a, b in zip(right, beaten, strict=True) if a is not None and b is not None)
    return Plot(
        title,
        f"Above the best naive rule in {above} of {len(folds)} folds.",
        [Curve("Accuracy", right, dots=True), Curve("Best naive rule", beaten, tone="quiet")],
        labels=[f"{fold['test']['start'][:10]}" for fold in folds],
        x="first candle of the test",
        y="accuracy",
    )


def equity(report: Report) -> Plot:
    title, curve = "Equity after costs, beside buy and hold", report.get("equity")
    if not curve or not curve["as_of"]:
        return Plot(title, MISSING)
    return Plot(
        title,
        f"In the end {curve['model'][-1]:+.3f}, buy and hold {curve['hold'][-1]:+.3f} (log return).",
        [
            Curve("Model, after costs", curve["model"]),
            Curve("Buy and hold", curve["hold"], tone="other"),
            Curve("Best naive rule, after costs", curve["naive"], tone="quiet"),
        ],
        labels=_days(curve["as_of"]),
        y="log return so far",
    )


def drawdown(report: Report) -> Plot:
    title, lost = "Drawdown, beside buy and hold", dig(report, "equity", "drawdown")
    if not lost or not lost["model"]:
        return Plot(title, MISSING)
    return Plot(
        title,
        f"At worst {max(lost['model']):.1%} below the highest point, buy and hold {max(lost['hold']):.1%}.",
        [
            Curve("Model, after costs", [-share for share in lost["model"]]),
            Curve("Buy and hold", [-share for share in lost["hold"]], tone="other"),
        ],
        labels=_days(report["equity"]["as_of"]),
        y="below the highest point",
    )


def calibration(report: Report) -> Plot:
    title, bins = "Calibration", report.get("reliability") or []
    if not bins:
        return Plot(title, "The report has no reliability table.")
    said, came = [entry["probability"] for entry in bins], [entry["frequency"] for entry in bins]
    error = dig(report, "metrics", "ece")
    return Plot(
        title,
        f"Mean distance from the diagonal: {error:.3f}." if error is not None else "",
        [Curve("Went up", came, xs=said, dots=True), _diagonal("Perfect", [*said, *came])],
        x="said probability of up",
        y="share that went up",
    )


def confidence(report: Report) -> Plot:
    title, buckets = "The surer, the more often right?", report.get("confidence")
    if not buckets:
        return Plot(title, MISSING)
    sure, rates = [bucket["confidence"] for bucket in buckets], [bucket["hit_rate"] for bucket in buckets]
    right, last = [rate["value"] for rate in rates], rates[-1]["value"]
    low, high = ([rate[side] for rate in rates] for side in ("low", "high"))
    known = low if None not in low else None
    return Plot(
        title,
        f"Of the most confident tenth {last:.1%} were right.",
        [
            Curve("Right", right, xs=sure, dots=True, low=known, high=high if known else None),
            _diagonal("As often as it is sure", sure),
        ],
        x="confidence of the forecast",
        y="share that was right",
    )


def coverage(report: Report) -> Plot:
    """Hit rate against how many forecasts are left, from the strictest threshold that leaves enough to all of them."""
    title, found = "Fewer calls, more often right?", report.get("coverage")
    if not found:
        return Plot(title, MISSING)
    kept = [entry for entry in reversed(found) if entry["hit_rate"]["low"] is not None]
    if not kept:
        return Plot(title, "Too few forecasts to say.")
    rates, first = [entry["hit_rate"] for entry in kept], kept[0]
    return Plot(
        title,
        f"Called only when it is sure by {first['threshold']:.2f} or more, it is right in "
        f"{first['hit_rate']['value']:.1%} of {first['n']:,} forecasts.",
        [
            Curve(
                "Right",
                [rate["value"] for rate in rates],
                xs=[entry["share"]["value"] for entry in kept],
                dots=True,
                low=[rate["low"] for rate in rates],
                high=[rate["high"] for rate in rates],
            )
        ],
        x="share of the forecasts that are called",
        y="share that was right",
    )


def roc(report: Report) -> Plot:
    title, curve = "ROC curve", report.get("roc")
    if not curve:
        return Plot(title, MISSING)
    if not curve["false_positive_rate"]:
        return Plot(title, "All rows went one way.")
    area = dig(report, "metrics", "roc_auc")
    return Plot(
        title,
        f"Area under the curve: {area:.3f}; chance has 0.5." if area is not None else "",
        [
            Curve("Model", curve["true_positive_rate"], xs=curve["false_positive_rate"]),
            _diagonal("Chance", [0.0, 1.0]),
        ],
        x="false positive rate",
        y="true positive rate",
    )


def importance(report: Report) -> Plot:
    title, found = "What it leans on", dig(report, "importance", "features")
    if not found:
        return Plot(title, MISSING)
    shown = found[:FEATURES]
    return Plot(
        title,
        f"Most of all on {shown[0]['name']}; about 0, or below, is noise.",
        [Curve("log loss gained", [row["log_loss"]["mean"] for row in shown])],
        labels=[row["name"] for row in shown],
        kind="bar",
        x="log loss gained when the feature is shuffled",
    )


DRAWN: Sequence[Callable[[Report], Plot]] = (
    by_fold,
    equity,
    drawdown,
    calibration,
    confidence,
    coverage,
    roc,
    importance,
)


def _diagonal(name: str, values: Sequence[float]) -> Curve:
    ends = [min(values), max(values)]
    return Curve(name, ends, xs=ends, tone="quiet")


def _days(stamps: Sequence[str]) -> list[str]:
    return [stamp[:10] for stamp in stamps]
