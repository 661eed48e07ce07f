"""A report's figures as rows of words; what an older report lacks is left out, never guessed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from registry.figures import FIGURES, dig, number, with_interval
from training.reporting.champion import BesideProduction

Report = dict[str, Any]
Bounds = dict[str, float | None] | None

DROPPED = {
    "warm_up": "the history begins within the row's window",
    "hole": "a candle of the window is absent, or the one that settles the row",
    "absent_volume": "a volume that a feature reads is absent",
    "suspect": "a flagged candle lies in the window, or settles the row",
    "no_label": "the candle that settles the row has not come yet",
    "not_finite": "a feature or the return overflows",
}
ARROWS = {"higher": "↑", "lower": "↓", "neither": ""}
TRADED = {"late": "the same calls, one candle later", "naive": "best naive rule", "hold": "buy and hold"}


@dataclass(frozen=True)
class Table:
    """The first cell of each row is its name; numbers stand in all others."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


NONE = Table("", (), ())


def tables(report: Report, champion: BesideProduction) -> dict[str, Table]:
    """By name, those that have a row."""
    made = {
        "figures": figures(report),
        "folds": folds(report),
        "paired": paired(report, champion),
        "trading": trading(report),
        "confidence": confidence(report),
        "coverage": coverage(report),
        "outside": outside(report),
        "trials": trials(report),
        "search": search(report),
        "dropped": dropped(report),
        "importance": importance(report),
    }
    return {name: table for name, table in made.items() if table.rows}


def figures(report: Report) -> Table:
    known = [figure for figure in FIGURES if figure.value(report) is not None]
    rows = [
        [f"{figure.name} {ARROWS[figure.better]}".strip(), figure.said(report), figure.baseline(report)]
        for figure in known
    ]
    return Table(
        "Walk-forward figures",
        ("figure", "measured", "to beat"),
        rows,
        "↑ higher is better, ↓ lower is better. Every forecast is by a model that had seen only what came before. "
        "Intervals are of 95 %, by a block bootstrap that respects how forecasts hang together in time.",
    )


def folds(report: Report) -> Table:
    rows = [
        [
            fold["test"]["start"][:10],
            _stretch(fold.get("train")),
            _stretch(fold["test"]),
            number(fold.get("accuracy"), digits=3),
            number(fold.get("baseline_accuracy"), digits=3),
            number(fold.get("brier")),
        ]
        for fold in report.get("folds") or []
    ]
    return Table("Folds", ("tested from", "fitted on", "tested on", "accuracy", "best naive rule", "Brier"), rows)


def paired(report: Report, champion: BesideProduction) -> Table:
    """The model minus another on the very same rows: above zero it is better."""
    rows = []
    if logistic := report.get("logistic"):
        rows.append(
            ["logistic regression on the last returns", _more(logistic["edge"]), _finer(logistic["brier_edge"])]
        )
    if found := champion.difference:
        rows.append(["the version in production", _more(found.accuracy.bounds), _finer(found.brier.bounds)])
    return Table(
        "Row by row",
        ("minus", "accuracy", "Brier score, lower by"),
        rows,
        "Above zero this version is better. An interval with zero in it tells the two not apart.",
    )


def trading(report: Report) -> Table:
    traded = report.get("trading")
    if not traded:
        return NONE
    hold = {
        **traded.get("hold", {}),
        "net_bp": traded.get("hold_bp"),
        "gross_bp": traded.get("hold_bp"),
        "turnover": None,
    }
    others = {"late": traded.get("late"), "naive": traded.get("naive"), "hold": hold}
    rows = [_traded("model", traded), *(_traded(TRADED[name], other) for name, other in others.items() if other)]
    paid = f"a fee of {traded['cost_bp']:g} bp"
    if "slippage_bp" in traded:
        paid += f" and slippage of {traded['slippage_bp']:g} bp"
    return Table(
        "In the market",
        ("who follows", "before costs", "after costs", "turnover", "Sharpe, annualised", "maximum drawdown"),
        rows,
        f"Basis points of log return per candle: the coin is held while up is called, cash otherwise; each unit turned "
        f"over pays {paid}. Turnover is the share of the capital moved per candle.",
    )


def confidence(report: Report) -> Table:
    rows = [
        [f"{bucket['from']:.3f} to {bucket['to']:.3f}", f"{bucket['n']:,}", _rate(bucket["hit_rate"])]
        for bucket in report.get("confidence") or []
    ]
    return Table("By confidence, in tenths", ("confidence", "forecasts", "right"), rows)


def coverage(report: Report) -> Table:
    rows = [
        [f"{entry['threshold']:.2f}", f"{entry['n']:,}", _rate(entry["share"]), _rate(entry["hit_rate"])]
        for entry in report.get("coverage") or []
        if entry["n"]
    ]
    return Table("Called only from a confidence on", ("at least", "forecasts", "share of all", "right"), rows)


def outside(report: Report) -> Table:
    found = report.get("outside_dead_zone")
    if not found or not found["rows"]:
        return NONE
    rows = [
        ["share of all forecasts", f"{_rate(found['share'])}, {found['rows']:,} rows"],
        ["accuracy", with_interval(found["accuracy"])],
        ["accuracy of the best naive rule", f"{number(found['baseline']['accuracy'], digits=3)}"],
        ["edge over it", _more(found["edge"])],
        ["Brier score", with_interval(found["brier"], digits=4)],
    ]
    return Table(
        "Outside the dead zone",
        ("", ""),
        rows,
        "Rows whose return was large enough to teach. Which they are is known only afterwards: a figure to understand "
        "the model by, none to expect.",
    )


def trials(report: Report) -> Table:
    made, found = report.get("trials"), report.get("overfitting")
    rows = []
    if made:
        rows.append(["trials made for this model, this one among them", f"{made['count']:,}"])
        rows.append(["Sharpe ratio a year that the best of them has by luck", number(made["best_by_luck"], digits=2)])
        rows.append(
            ["probability that the true ratio lies above that (deflated Sharpe)", number(made["deflated_sharpe"])]
        )
    if found is not None:
        share = found.get("probability") if isinstance(found, dict) else found
        rows.append(["probability of backtest overfitting, of the search", number(share)])
    return Table("How many were tried", ("", ""), rows)


def search(report: Report) -> Table:
    found = report.get("search")
    if not found:
        return NONE
    rows = [
        [f"trial {trial['number']}", number(trial["log_loss"], digits=5), _parameters(trial["params"])]
        for trial in found["leaders"]
    ]
    ends = ", ".join(f"{found['tried'][state]:,} {state}" for state in ("complete", "pruned", "failed"))
    note = f"{found['sentence']} {found['tried']['all']:,} trials: {ends}; the best are shown, trial 0 is as given."
    return Table("The search for parameters", ("", "log loss", "parameters"), rows, note)


def dropped(report: Report) -> Table:
    counts = dig(report, "dataset", "dropped") or {}
    rows = [
        [reason.replace("_", " "), f"{count:,}", DROPPED.get(reason, "")] for reason, count in counts.items() if count
    ]
    return Table("Rows that were left out", ("reason", "rows", "which are they"), rows)


def importance(report: Report) -> Table:
    rows = [
        [row["name"], *(f"{row[loss]['mean']:+.5f} ± {row[loss]['std']:.5f}" for loss in ("log_loss", "accuracy"))]
        for row in dig(report, "importance", "features") or []
    ]
    return Table(
        "What is lost when a feature is shuffled",
        ("feature", "log loss gained", "accuracy lost"),
        rows,
        "Mean and standard deviation over the folds. About 0, or below, is noise; of two features that say the same, "
        "each stands in for the other.",
    )


def _parameters(params: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in params.items())


def _traded(name: str, traded: Report) -> list[str]:
    bp = [f"{traded[key]:+.2f} bp" if traded.get(key) is not None else "" for key in ("gross_bp", "net_bp")]
    moved = "" if traded.get("turnover") is None else f"{traded['turnover']:.3f}"
    lost = "" if traded.get("max_drawdown") is None else f"{traded['max_drawdown']:.1%}"
    sharpe = with_interval(traded["sharpe"], signed=True, digits=2) if traded.get("sharpe") else ""
    return [name, *bp, moved, sharpe, lost]


def _stretch(stretch: Report | None) -> str:
    """Its rows, and their days where both are known."""
    if not stretch or "rows" not in stretch:
        return ""
    return f"{stretch['rows']:,} rows, {stretch['start'][:10]} to {stretch['end'][:10]}"


def _rate(bounds: Bounds) -> str:
    if not bounds or bounds["value"] is None:
        return ""
    interval = "" if bounds["low"] is None else f" [{bounds['low']:.1%}, {bounds['high']:.1%}]"
    return f"{bounds['value']:.1%}{interval}"


def _more(bounds: Any) -> str:
    return with_interval(bounds, signed=True)


def _finer(bounds: Any) -> str:
    return with_interval(bounds, signed=True, digits=4)
