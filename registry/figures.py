"""What is measured of a version, each figure with what it must beat, in words for people."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

Report = dict[str, Any]
Better = Literal["higher", "lower", "neither"]


@dataclass(frozen=True)
class Figure:
    """`path` leads to the number in the report; `show` and `baseline` say it, and what it must beat, in words."""

    key: str
    short: str  # heads a column
    name: str
    path: tuple[str, ...]
    better: Better
    show: Callable[[Report], str]
    baseline: Callable[[Report], str]
    column: bool = True  # of the table of a model's versions

    @property
    def wanted(self) -> str:
        return "" if self.better == "neither" else f"{self.better} is better"

    def value(self, report: Report) -> float | None:
        """None where it was not measured."""
        found: float | None = dig(report, *self.path)
        return found

    def said(self, report: Report) -> str:
        return "unknown" if self.value(report) is None else self.show(report)


def dig(report: Report, *path: str) -> Any:
    """What lies there; None where the report does not go so deep."""
    found: Any = report
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def number(value: float | None, *, digits: int = 4) -> str:
    return "unknown" if value is None else f"{value:.{digits}f}"


def with_interval(figure: dict[str, Any] | None, *, signed: bool = False, digits: int = 3) -> str:
    if not figure or figure.get("value") is None:
        return "unknown"
    form = f"{'+' if signed else ''}.{digits}f"
    if figure.get("low") is None:
        return f"{figure['value']:{form}} (no interval)"
    return f"{figure['value']:{form}} [{figure['low']:{form}}, {figure['high']:{form}}]"


def _plain(key: str, short: str, name: str, better: Better, baseline: Callable[[Report], str]) -> Figure:
    path = ("metrics", key)
    return Figure(key, short, name, path, better, lambda report: _measured(report, key), baseline)


def _measured(report: Report, key: str) -> str:
    """With its interval, which older reports lack."""
    value, bounds = number(dig(report, "metrics", key)), dig(report, "intervals", key) or {}
    return value if bounds.get("low") is None else f"{value} [{bounds['low']:.4f}, {bounds['high']:.4f}]"


def _constant(key: str) -> Callable[[Report], str]:
    return lambda report: f"{number(dig(report, 'constant', key))} (base rate)"


def _naive(report: Report) -> str:
    return f"{number(dig(report, 'baseline', 'accuracy'))} ({dig(report, 'baseline', 'name')})"


def _basis_points(*path: str) -> Callable[[Report], str]:
    return lambda report: f"{dig(report, *path):+.2f} bp" if dig(report, *path) is not None else "unknown"


def _held(report: Report) -> str:
    return f"{_basis_points('trading', 'hold_bp')(report)} (buy and hold)"


def _sharpe(*path: str) -> Callable[[Report], str]:
    return lambda report: with_interval(dig(report, *path), signed=True, digits=2)


def _share(*path: str) -> Callable[[Report], str]:
    return lambda report: f"{dig(report, *path):.1%}" if dig(report, *path) is not None else "unknown"


def _by_luck(report: Report) -> str:
    count, best = dig(report, "trials", "count"), dig(report, "trials", "best_by_luck")
    against = "0.95, against luck (hold is no part of it)"
    return against if not count or best is None else f"{against}: the best of {count:,} has {best:+.2f} a year"


FIGURES = (
    Figure(
        "accuracy",
        "Accuracy",
        "Accuracy",
        ("metrics", "accuracy", "value"),
        "higher",
        lambda report: with_interval(dig(report, "metrics", "accuracy")),
        _naive,
    ),
    Figure(
        "edge",
        "Edge",
        "Edge over the naive rule",
        ("edge", "value"),
        "higher",
        lambda report: with_interval(dig(report, "edge"), signed=True),
        lambda _report: "0, outside the interval",
    ),
    Figure(
        "logistic_edge",
        "Edge over logistic",
        "Edge over logistic regression",
        ("logistic", "edge", "value"),
        "higher",
        lambda report: with_interval(dig(report, "logistic", "edge"), signed=True),
        lambda report: f"{number(dig(report, 'logistic', 'accuracy', 'value'), digits=3)} (logistic regression)",
        column=False,
    ),
    _plain("brier", "Brier", "Brier score", "lower", _constant("brier")),
    _plain("log_loss", "Log loss", "Log loss", "lower", _constant("log_loss")),
    _plain("roc_auc", "AUC", "ROC AUC", "higher", lambda _report: "0.5 (chance)"),
    replace(
        _plain("balanced_accuracy", "Balanced", "Balanced accuracy", "higher", lambda _report: "0.5 (chance)"),
        column=False,
    ),
    _plain("ece", "ECE", "Calibration error", "lower", lambda _report: ""),
    Figure(
        "net",
        "Net",
        "Return per candle, after costs",
        ("trading", "net_bp"),
        "higher",
        _basis_points("trading", "net_bp"),
        _held,
    ),
    Figure(
        "sharpe",
        "Sharpe",
        "Sharpe ratio, annualised",
        ("trading", "sharpe", "value"),
        "higher",
        _sharpe("trading", "sharpe"),
        lambda report: f"{_sharpe('trading', 'hold', 'sharpe')(report)} (buy and hold)",
        column=False,
    ),
    Figure(
        "deflated",
        "Deflated",
        "Deflated Sharpe ratio",
        ("trading", "deflated_sharpe"),
        "higher",
        lambda report: number(dig(report, "trading", "deflated_sharpe")),
        _by_luck,
        column=False,
    ),
    Figure(
        "drawdown",
        "Drawdown",
        "Maximum drawdown",
        ("trading", "max_drawdown"),
        "lower",
        _share("trading", "max_drawdown"),
        lambda report: f"{_share('trading', 'hold', 'max_drawdown')(report)} (buy and hold)",
        column=False,
    ),
    Figure(
        "n",
        "Judged",
        "Predictions judged",
        ("edge", "n"),
        "neither",
        lambda report: f"{report['edge']['n']:,}",
        lambda _report: "",
    ),
)
COLUMNS = tuple(figure for figure in FIGURES if figure.column)
