"""The few lines of a terminal."""

import copy

import pytest

from tests.factories import make_version, report
from tests.training.reports import old_report, whole_report
from training.summary import summary

pytestmark = pytest.mark.django_db


def test_it_says_how_the_version_stands_beside_doing_nothing_clever():
    said = summary(make_version(metrics=whole_report()))
    assert "2,000 rows kept (30 warm up, 4 suspect dropped)" in said
    assert "It is right more often than logistic regression" in said
    assert "after costs of 12 bp per unit turned over, holding" in said


def test_a_walk_too_short_for_an_interval_is_summed_up_all_the_same():
    short = copy.deepcopy(whole_report())
    for figure in (short["metrics"]["accuracy"], short["edge"]):
        figure |= {"low": None, "high": None}
    assert summary(make_version(metrics=short)).count("(no interval)") == 2


@pytest.mark.parametrize("metrics", [report(), {**old_report(), "dataset": {"rows": 9, "dropped": {}}}])
def test_a_report_of_an_older_release_is_summed_up_without_what_it_lacks(metrics):
    assert "logistic" not in summary(make_version(metrics=metrics))
