"""What the studies found, as pages of docs/."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from statistics import mean

from studies.gate_virtues import CANDLES, FEATURE_SET, Found
from studies.real_candles import SUSPICIOUS, Studied, suspects

REAL = f"""# What real candles gave

Every estimator on every feature set, default parameters, walk-forward of eight folds with the horizon purged, the next
candle's direction. Intervals are 95 % block bootstraps; the edge is paired, against the best of four naive rules, which
is chosen on the very rows that it is judged on. `bp a candle` is net of costs; hold is before its one purchase.
Above {SUSPICIOUS:.0%} an accuracy is marked (!) and was looked at for a leak before it was written down.

Made by `make results DATA=FOLDER` from `COIN_daily.csv` and `COIN_hourly.csv`."""

GATES = f"""# What the gates let by

Simulated hourly markets of {CANDLES:,} candles, `{FEATURE_SET}` features, default parameters. The signal is the
correlation of the next return with its planted, predictable part; with 0 there is nothing to find. Each version was
promoted as a person would, without an override; the gates are those of the settings, asked all together.

Made by `make gate-study`."""


def real_candles(studied: Sequence[Studied]) -> str:
    too_good = ", ".join(str(version) for version in suspects(studied)) or "none"
    return "\n\n".join([REAL, *(each.markdown() for each in studied), f"Above {SUSPICIOUS:.0%}: {too_good}.", ""])


def gate_virtues(found: Iterable[Found]) -> str:
    groups: dict[tuple[str, float], list[Found]] = defaultdict(list)
    for each in found:
        groups[each.question.estimator, each.question.signal].append(each)
    header = (
        "| estimator | signal | passed | of | accuracy, mean | best naive rule, mean | stopped by |\n"
        "|---|---|---|---|---|---|---|"
    )
    rows = [_row(estimator, signal, group) for (estimator, signal), group in sorted(groups.items())]
    return "\n".join([GATES, "", header, *rows, ""])


def _row(estimator: str, signal: float, group: Sequence[Found]) -> str:
    stopped = Counter(gate for each in group for gate in each.stopped_by)
    said = ", ".join(f"{gate} {count}" for gate, count in stopped.most_common()) or "-"
    accuracy, baseline = mean(each.accuracy for each in group), mean(each.baseline for each in group)
    passed = sum(each.passed for each in group)
    return f"| {estimator} | {signal:g} | {passed} | {len(group)} | {accuracy:.3f} | {baseline:.3f} | {said} |"
