"""What of a report is drawn, and what it says for itself."""

import json

import pytest

from registry.admin.charts import charts
from registry.figures import COLUMNS, FIGURES
from registry.plots import plots, undrawn
from tests.factories import report
from tests.training.reports import old_report, whole_report

ALL = [
    *("Walk-forward, fold by fold", "Equity after costs, beside buy and hold", "Drawdown, beside buy and hold"),
    *("Calibration", "The surer, the more often right?", "Fewer calls, more often right?", "ROC curve"),
    "What it leans on",
]


def titles(found):
    return [plot.title for plot in found if plot.curves]


def test_all_that_a_whole_report_holds_is_drawn():
    found = plots(whole_report())
    assert titles(found) == ALL
    assert undrawn(found) == {}
    assert all(plot.sentence for plot in found)


def test_what_an_older_report_lacks_is_said():
    found = plots(old_report())
    missing = {"Drawdown, beside buy and hold", "The surer, the more often right?", "Fewer calls, more often right?"}
    assert set(ALL) - set(titles(found)) == missing
    (why,) = undrawn(found)
    assert "train the version anew" in why


def test_without_a_report_there_is_nothing_to_say():
    assert plots({}) == []


def test_a_drawdown_goes_down_and_says_its_worst():
    drawdown = plots(whole_report())[2]
    worst = whole_report()["trading"]["max_drawdown"]
    assert min(drawdown.curves[0].ys) == pytest.approx(-worst, abs=1e-5)
    assert f"{worst:.1%} below" in drawdown.sentence


def test_hit_rates_without_an_interval_are_drawn_without_a_band():
    few = whole_report()["confidence"][:3]
    few = [{**bucket, "hit_rate": {**bucket["hit_rate"], "low": None, "high": None}} for bucket in few]
    found = {plot.title: plot for plot in plots({**report(), "confidence": few})}
    assert found["The surer, the more often right?"].curves[0].low is None


def test_every_plot_is_data_for_the_admins_charts():
    found = charts(plots(whole_report()))
    assert [chart.title for chart in found] == ALL
    for chart in found:
        assert json.loads(chart.data)["datasets"]
        assert json.loads(chart.options)["scales"]


def test_an_interval_is_filled_between_its_bounds():
    chart = charts(plots(whole_report()))[4]
    low, high, right, _ = json.loads(chart.data)["datasets"]
    assert high["fill"] == "-1"
    assert all(a["y"] < b["y"] < c["y"] for a, b, c in zip(low["data"], right["data"], high["data"], strict=True))


@pytest.mark.parametrize("metrics", [whole_report(), old_report(), report()])
@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.key)
def test_every_figure_is_said_in_words_or_said_to_be_unknown(figure, metrics):
    assert figure.said(metrics)
    if figure.value(metrics) is not None:
        assert "None" not in figure.said(metrics) + figure.baseline(metrics)


def test_a_list_of_versions_has_no_more_columns_than_fit():
    assert len(COLUMNS) <= 8
