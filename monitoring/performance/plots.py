"""Performance, drawn: each plot with a sentence that says it too."""

from __future__ import annotations

from monitoring.performance.chosen import Performance
from monitoring.performance.figure import FEWEST
from monitoring.performance.over_time import periods, returns_so_far
from registry.plots import Curve, Plot

TOO_FEW = f"Fewer than {FEWEST} settled outcomes say nothing."


def plots(performance: Performance) -> list[Plot]:
    return [drawn(performance) for drawn in (over_time, beside_hold, calibration, by_confidence)]


def over_time(performance: Performance) -> Plot:
    title = "Hit rate over time"
    found = periods(performance.evidence, horizon=performance.chosen.model.horizon)
    if not found:
        return Plot(title, TOO_FEW)
    rates = [period.hit_rate for period in found]
    above = sum((rate.low or 0.0) > (rate.baseline or 0.0) for rate in rates)
    return Plot(
        title,
        f"In {above} of {len(found)} periods of about {rates[0].n} outcomes the whole interval lies above the "
        "majority of the same.",
        [
            Curve(
                "Right",
                [rate.value for rate in rates],
                dots=True,
                low=[rate.low for rate in rates],
                high=[rate.high for rate in rates],
            ),
            Curve("Majority of the same", [rate.baseline for rate in rates], tone="quiet"),
        ],
        labels=[str(period.first_as_of.astype("datetime64[m]")).replace("T", " ") for period in found],
        x="first close of the period, UTC",
        y="share that was right",
    )


def beside_hold(performance: Performance) -> Plot:
    title = "Return after costs, beside holding"
    if performance.closes < FEWEST:
        return Plot(title, TOO_FEW)
    so_far = returns_so_far(performance.evidence, horizon=performance.chosen.model.horizon)
    return Plot(
        title,
        f"In the end {so_far['model'][-1]:+.3f}, holding {so_far['hold'][-1]:+.3f} (log return, "
        f"{performance.closes:,} closes).",
        [Curve("Model, after costs", so_far["model"]), Curve("Holding", so_far["hold"], tone="other")],
        labels=[moment[:16].replace("T", " ") for moment in so_far["as_of"]],
        y="log return so far",
    )


def calibration(performance: Performance) -> Plot:
    title, bins = "Calibration", performance.figures.calibration
    if not bins:
        return Plot(title, TOO_FEW)
    within = sum(entry.low <= entry.probability <= entry.high for entry in bins)
    said = [entry.probability for entry in bins]
    return Plot(
        title,
        f"In {within} of {len(bins)} bins what was said lies within the interval of what came.",
        [
            Curve(
                "Went up",
                [entry.frequency for entry in bins],
                xs=said,
                dots=True,
                low=[entry.low for entry in bins],
                high=[entry.high for entry in bins],
            ),
            Curve("Perfect", [said[0], said[-1]], xs=[said[0], said[-1]], tone="quiet"),
        ],
        x="said probability of up",
        y="share that went up",
    )


def by_confidence(performance: Performance) -> Plot:
    title, buckets = "The surer, the more often right?", performance.figures.by_confidence
    if not buckets:
        return Plot(title, TOO_FEW)
    sure, rates = [bucket.confidence for bucket in buckets], [bucket.hit_rate for bucket in buckets]
    last = rates[-1]
    return Plot(
        title,
        f"Of the {last.n} most confident answers {last.value or 0:.1%} were right "
        f"[{last.low or 0:.1%}, {last.high or 0:.1%}].",
        [
            Curve(
                "Right",
                [rate.value for rate in rates],
                xs=sure,
                dots=True,
                low=[rate.low for rate in rates],
                high=[rate.high for rate in rates],
            ),
            Curve("Majority of the same", [rate.baseline for rate in rates], xs=sure, tone="quiet"),
        ],
        x="confidence of the answer",
        y="share that was right",
    )
