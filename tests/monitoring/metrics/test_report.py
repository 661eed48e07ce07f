"""The report: each day by itself, beside as many days before; JSON, and a page that asks nothing of any host."""

from datetime import timedelta

import pytest

from monitoring.models import Watermark
from tests.factories import make_prediction
from tests.monitoring.metrics.conftest import NOON, count_everything, respond


@pytest.fixture
def weeks(answered, noon):
    """The week before had six answers, and slower ones."""
    for day in (7, 8, 9, 9, 13, 13, 14):
        make_prediction(made_at=NOON - timedelta(days=day), version=answered, probability_up=0.7)
    respond(noon, 0.9, at=NOON - timedelta(days=8))
    Watermark.objects.all().delete()  # as if nothing had been counted yet
    count_everything()
    return answered


def test_it_has_the_days_and_those_before_and_what_changed(weeks, client):
    found = client.get("/metrics/report").json()
    assert (found["days"], found["current"]["count"], found["before"]["count"], found["trend"]["count"]) == (
        7,
        4,
        6,
        -2,
    )
    assert found["trend"]["confidence_mean"] == pytest.approx(2 / 3 - 0.7)
    assert found["trend"]["response_time_ms_mean"] == pytest.approx(700 / 3 - 900)
    assert found["trend"]["error_rate"] == 0.25


def test_it_has_each_day_and_each_version(weeks, client):
    found = client.get("/metrics/report", {"days": 9}).json()
    assert [(day["date"], day["count"]) for day in found["by_day"]][::-1][:2] == [("20261123", 4), ("20261122", 0)]
    assert [day["count"] for day in found["by_day"]] == [1, 1, 0, 0, 0, 0, 0, 0, 4]
    assert [(row["model"], row["version"], row["count"]) for row in found["by_model"]] == [("bitcoin-usd-1d", 1, 6)]


def test_what_is_not_known_of_one_of_them_has_no_trend(answered, client):
    trend = client.get("/metrics/report").json()["trend"]
    assert (trend["count"], trend["confidence_mean"], trend["up_share"], trend["error_rate"]) == (4, None, None, None)


@pytest.mark.parametrize("days", ["0", "-1", "10000", "abc", "", "1.5", "366", "٣"])
def test_a_number_of_days_that_is_none_is_refused(noon, client, days):
    answer = client.get("/metrics/report", {"days": days})
    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, "days")


def test_a_browser_gets_a_page_of_its_own(weeks, client):
    answer = client.get("/metrics/report", headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    page = answer.content.decode()
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    assert "http" not in page
    assert "src=" not in page
    assert "bitcoin-usd-1d" in page
    assert page.count("not known") == 0


def test_a_page_without_answers_says_so(noon, client):
    page = client.get("/metrics/report", headers={"accept": "text/html"}).content.decode()
    assert "Nothing was answered." in page
    assert "not known" in page


def test_a_browser_that_asks_amiss_gets_a_refusal(noon, client):
    answer = client.get("/metrics/report", {"days": 0}, headers={"accept": "text/html"})
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/json")
    assert b"bad_days" in answer.content
