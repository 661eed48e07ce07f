"""Two versions side by side, of whichever release their reports are."""

import pytest

from registry.admin.comparing import Comparison
from registry.comparison import side_by_side
from tests.factories import make_version
from tests.training.reports import old_report, whole_report

pytestmark = pytest.mark.django_db

NEWER = ("edge_over_logistic", "edge_over_logistic_low", "sharpe", "deflated_sharpe", "max_drawdown")


@pytest.fixture
def versions():
    return make_version(metrics=whole_report()), make_version(metrics=old_report())


def test_a_figure_that_an_older_report_lacks_is_not_measured_and_never_zero(versions):
    found = side_by_side(*versions)
    trading = whole_report()["trading"]
    assert found["sharpe"] == {1: trading["sharpe"]["value"], 2: None}
    assert found["net_bp"] == {1: trading["net_bp"], 2: trading["net_bp"]}
    assert [found[name][2] for name in NEWER] == [None] * len(NEWER)
    assert None not in [found[name][1] for name in NEWER]


def test_the_page_has_a_row_for_each_figure_that_one_of_them_has(versions):
    rows = {row.name: [cell.said for cell in row.cells] for row in Comparison(versions).measured}
    assert rows["Sharpe ratio, annualised"][1] == "unknown"
    assert "[" in rows["Brier score"][0]
    assert "[" not in rows["Brier score"][1]


def test_of_two_equal_figures_neither_is_the_better(versions):
    rows = {row.name: [cell.best for cell in row.cells] for row in Comparison(versions).measured}
    assert rows["Brier score"] == [False, False]
