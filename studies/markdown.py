"""What the studies found, as pages of docs/."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from statistics import mean

from registry.plots import Curve, Plot, Tone
from studies.drift_guard import CHECKS, LONGEST, WINDOW, YEAR
from studies.drift_policy import Policy
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


DRIFT = f"""# What the drift checks cost and find

One year of hourly rows ({YEAR:,}) of the `technical` features is the reference; then a check a day, {CHECKS} on each
path, of the newest {WINDOW} rows. A check over its threshold is a warning, two of the last three are an alert, an alert
opens an incident that five calm checks close. On paths without a shift all of them are false.

Made by `make drift-study DATA=FOLDER`."""


DELAYS = "drift-delays.svg"
SHOWN: tuple[Tone, ...] = ("model", "other", "quiet")  # of the first shifts, those of the market itself


def delays(found: Policy) -> Plot:
    """Of each shift of the market, how many paths it was found on by each daily check."""
    checks = range(LONGEST + 1)
    curves = [
        Curve(each.shift, [each.share_by(check) for check in checks], tone=tone)
        for each, tone in zip(found.delays, SHOWN, strict=False)
    ]
    labels = [str(check) for check in checks]
    return Plot("Found after so many days", "", curves, labels=labels, x="daily checks since", y="share of the paths")


def drift(found: Policy) -> str:
    calm = [
        f"| {name} | {each.checks:,} | {each.per_thousand(each.warnings):.1f} | {each.per_thousand(each.alerts):.1f} "
        f"| {each.per_thousand(each.incidents):.1f} | {each.per_thousand(each.naive):.0f} |"
        for name, each in found.quiet.items()
    ]
    late = [
        f"| {each.shift} | {len(each.found) / each.paths:.0%} of {each.paths} "
        f"| {'-' if each.median is None else format(each.median, 'g')} |"
        for each in found.delays
    ]
    runs = [f"| {each.alarm:g} | {each.false:,.0f} | {each.true:,.0f} |" for each in found.run_lengths]
    return "\n".join(
        [
            *(DRIFT, "", "## False alarms, per thousand checks", ""),
            "| paths | checks | warnings | alerts | incidents | KS with p < 0.05 of any feature |",
            "|---|---|---|---|---|---|",
            *(*calm, "", f"## What was planted, found within {LONGEST} days", ""),
            "| shift | found | daily checks until the alert, median |",
            "|---|---|---|",
            *(*late, "", f"![Share of the paths on which a shift was found, by day](images/{DELAYS})", ""),
            *("## Outcomes: the cumulative sum of errors, walk-forward error 47 %", ""),
            "| alarm at | outcomes between false alarms | until 45 % right instead of 53 is found |",
            "|---|---|---|",
            *(*runs, ""),
        ]
    )
