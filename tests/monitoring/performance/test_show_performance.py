"""GET /models/{name}/performance: what was answered and came of it, to who may read metrics."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from predictions.models import Scope
from tests.factories import make_market
from tests.monitoring.judged import HOUR, HOURLY, NOON, answer, answer_all, hourly_version, settle
from tests.predictions.conftest import client_with

pytestmark = pytest.mark.django_db
FIGURES = ["hit_rate", "balanced_accuracy", "brier", "log_loss", "ece", "return_per_candle", "return_total"]
NOTHING = {"n": 0, "value": None, "low": None, "high": None, "baseline": None, "verdict": "not_judged"}


@pytest.fixture(autouse=True)
def _three_hours_later(set_clock):
    set_clock((NOON + 3 * HOUR).isoformat())


@pytest.fixture
def market(db):
    return make_market(HOURLY)


@pytest.fixture
def version(market):
    return hourly_version()


@pytest.fixture
def client(db):
    return client_with([Scope.METRICS_READ])


def performance(client, **asked):
    reply = client.get(f"/api/v1/models/{HOURLY}/performance", asked)
    assert reply.status_code == 200, reply.content
    return reply.json()


def test_every_figure_has_its_interval_its_n_and_its_baseline(version, market, client):
    answer_all(version, market, right=[hour % 3 > 0 for hour in range(120)])
    found = performance(client)
    assert (found["model"], found["version"], found["role"], found["market"]) == (HOURLY, None, "production", HOURLY)
    assert (found["n"], found["abstained"], found["simulated"], found["why"]) == (120, 0, False, None)
    assert found["window"] == {
        "since": "2026-10-24T15:00:00Z",
        "until": "2026-11-23T15:00:00Z",
        "first_as_of": "2026-11-18T13:00:00Z",
        "last_as_of": "2026-11-23T12:00:00Z",
        "complete": True,
    }
    rate = found["hit_rate"]
    assert (rate["value"], rate["n"], rate["baseline"]) == (pytest.approx(2 / 3), 120, pytest.approx(2 / 3))
    assert rate["low"] < rate["value"] < rate["high"]
    for name in FIGURES:
        assert {"n", "value", "low", "high", "baseline", "verdict"} == set(found[name])
        assert found[name]["n"] == 120
    assert found["costs"] == {"cost_bp": 10.0, "slippage_bp": 2.0}
    assert sum(entry["n"] for entry in found["calibration"]) == 120
    assert sum(entry["hit_rate"]["n"] for entry in found["by_confidence"]) == 120


def test_nothing_is_null_and_not_zero(version, client):
    found = performance(client)
    assert (found["n"], found["abstained"], found["calibration"], found["by_confidence"]) == (0, 0, [], [])
    assert (found["window"]["first_as_of"], found["window"]["complete"]) == (None, True)
    assert all(found[name] == NOTHING for name in FIGURES)
    assert "fewer than 30" in found["why"]


def test_under_a_hundred_it_says_that_nothing_is_judged(version, market, client):
    answer_all(version, market, right=[True] * 50)
    found = performance(client)
    assert (found["hit_rate"]["value"], found["hit_rate"]["verdict"]) == (1.0, "not_judged")
    assert found["why"] == "not judged: 50 settled outcomes, 100 are needed"


def test_it_is_of_one_version_where_asked(version, market, client):
    newer = hourly_version()
    answer_all(version, market, right=[True] * 40)
    answer_all(newer, market, right=[False] * 30, last=NOON - timedelta(days=4))
    assert [performance(client, version=number)["hit_rate"]["value"] for number in (1, 2)] == [1.0, 0.0]
    assert performance(client)["n"] == 70


def test_it_is_of_one_role(version, market, client):
    answer(version, NOON, role="shadow")
    settle(market, NOON)
    assert [performance(client, role=role)["n"] for role in ("production", "shadow", "arm")] == [0, 1, 0]


def test_it_is_of_the_window_alone(version, market, client):
    answer_all(version, market, right=[True] * 40)
    assert [performance(client, window=window)["n"] for window in ("2h", "5h", "30d")] == [0, 3, 40]


def test_what_was_abstained_from_is_counted_apart(version, market, client):
    for hours, up in enumerate([None, True, None]):
        answer(version, NOON - hours * HOUR, up=up)
        settle(market, NOON - hours * HOUR)
    found = performance(client)
    assert (found["n"], found["abstained"]) == (1, 2)


def test_its_market_may_be_named(version, client):
    assert performance(client, market=HOURLY)["market"] == HOURLY


@pytest.mark.parametrize(
    ("asked", "status", "field"),
    [
        ({"window": "abc"}, 400, "window"),
        ({"window": "0d"}, 400, "window"),
        ({"window": "-1d"}, 400, "window"),
        ({"window": "367d"}, 400, "window"),
        ({"window": ""}, 400, "window"),
        ({"version": "x"}, 400, "version"),
        ({"version": "-1"}, 400, "version"),
        ({"version": "9"}, 404, "version"),
        ({"role": "king"}, 400, "role"),
        ({"role": "trial"}, 400, "role"),
        ({"market": "nowhere"}, 404, "market"),
        ({"market": "other-usd-1d"}, 400, "market"),
        ({"days": "7"}, 400, "days"),
    ],
)
def test_bad_input_is_named(version, client, asked, status, field):
    make_market("other-usd-1d")
    reply = client.get(f"/models/{HOURLY}/performance", asked)
    assert (reply.status_code, reply.json()["errors"][0]["attr"]) == (status, field)


def test_a_model_that_is_none_is_not_there(client):
    assert client.get("/models/nobody/performance").status_code == 404


def test_only_who_may_read_metrics_reads_it(version, client):
    path = f"/models/{HOURLY}/performance"
    assert Client().get(path).status_code == 401
    assert client_with([Scope.PREDICT]).get(path).status_code == 403
    assert client.get(path).status_code == 200


def test_staff_see_it_by_permission(version, django_user_model):
    user = django_user_model.objects.create_user("anna", is_staff=True)
    browser = Client()
    browser.force_login(user)
    assert browser.get(f"/models/{HOURLY}/performance").status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_modelversion"))
    assert browser.get(f"/models/{HOURLY}/performance").status_code == 200


def test_it_costs_the_same_questions_for_2_closes_as_for_60(version, market, client, django_assert_num_queries):
    answer_all(version, market, right=[True] * 60)
    with django_assert_num_queries(
        5
    ):  # the key, the model, its versions, the evidence, whether the market is simulated
        performance(client)
