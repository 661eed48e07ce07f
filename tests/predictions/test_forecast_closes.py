"""Forecasts by schedule: once per model and close, in time or said to be missing."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from predictions.engine import engine
from predictions.forecasting import TOO_LATE, forecast_closes
from predictions.models import Forecast, MissedForecast, Prediction
from predictions.tasks import follow_markets
from registry.models import RegisteredModel
from registry.onnx_model import OnnxClassifier
from tests.factories import make_version
from training.features.feature import Feature
from training.features.feature_set import FeatureSet
from training.market_data.simulate import extend_all_simulated, simulate_candles
from training.models import Market, Outcome

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def at(set_clock):
    """Ten seconds after a minute closed; the clock is moved on by `at(minutes)`."""
    set_clock("2026-06-01T12:00:10Z")
    return lambda minutes: set_clock(f"2026-06-01T{12 + minutes // 60:02}:{minutes % 60:02}:10Z")


@pytest.fixture
def demo(at):
    """The demo market up to now, with a version in production."""
    simulate_candles("demo-usd-1m", candles=60, seed=7)
    model = RegisteredModel.objects.named("demo-usd-1m")
    make_version(model=model, simulated=True).promote(actor="user:o", reason="first")
    return model


def test_a_close_is_forecast_with_a_row_like_any_other(demo):
    assert forecast_closes().made == 1
    row = Prediction.objects.get()
    assert (row.role, row.actor, row.market, row.simulated) == ("production", "schedule:forecast", "demo-usd-1m", True)
    assert row.as_of == Market.objects.get().newest()
    assert row.made_at < row.target_at
    assert Forecast.objects.get().prediction_id == row.id
    assert Outcome.objects.get().matures_at == row.target_at


def test_however_often_it_runs_a_close_is_forecast_once(demo):
    assert [forecast_closes().made for _ in range(3)] == [1, 0, 0]
    assert Prediction.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_at_once_make_one_forecast(demo):
    def forecast(_):
        try:
            return forecast_closes().made
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(forecast, range(4))) == 1
    assert Prediction.objects.count() == Forecast.objects.count() == 1


def test_minute_by_minute_each_close_is_forecast_and_settled(demo, at):
    for minute in range(5):
        at(minute)
        follow_markets()
    assert Prediction.objects.count() == 5
    assert not MissedForecast.objects.exists()
    assert Outcome.objects.settled().count() == 4


def test_closes_that_were_missed_in_a_pause_are_named_and_not_forecast_afterwards(demo, at):
    follow_markets()
    at(30)
    follow_markets()
    missed = MissedForecast.objects.get()
    newest = Market.objects.get().newest()
    assert (missed.closes, missed.last_as_of, missed.reason) == (29, newest - MINUTE, TOO_LATE)
    assert Prediction.objects.count() == 2
    assert Outcome.objects.settled().count() == 30
    follow_markets()
    assert MissedForecast.objects.count() == 1


def test_a_close_whose_target_has_closed_is_missed_not_forecast(demo, at):
    forecast_closes()
    at(1)
    extend_all_simulated()
    at(2)  # and no candle was made in the meantime
    assert forecast_closes().made == 0
    assert MissedForecast.objects.get().closes == 1


def test_of_a_market_that_ended_before_it_was_followed_nothing_is_missing(demo, at):
    at(30)
    forecast_closes()
    assert not MissedForecast.objects.exists()
    assert not Outcome.objects.exists()


def test_a_hole_in_the_window_is_a_missed_close_with_its_reason(demo):
    market = Market.objects.get()
    market.candles.filter(opened_at=market.newest() - 5 * MINUTE).delete()
    assert forecast_closes().made == 0
    assert "is absent" in MissedForecast.objects.get().reason


def with_a_version_of(features_path, **changes):
    """A second model of the demo market, whose version in production says that it learnt from that feature set."""
    other = RegisteredModel.objects.of_market("demo-usd-1m", name="other")
    version = make_version(model=other, simulated=True)
    version.promote(actor="user:o", reason="first")
    type(version).objects.filter(pk=version.pk).update(feature_set=features_path, **changes)
    return other


def test_a_feature_set_whose_package_is_gone_is_a_missed_close_and_stops_no_other_model(demo):
    other = with_a_version_of("package_that_is_gone.features.MINE")
    report = forecast_closes()
    assert (report.made, report.missed) == (1, 1)
    assert Forecast.objects.get().model == demo
    missed = MissedForecast.objects.get()
    assert missed.model == other
    assert "'package_that_is_gone.features.MINE' cannot be imported here" in missed.reason


def test_a_feature_set_that_has_changed_since_is_a_missed_close_and_no_guess(demo):
    other = with_a_version_of("technical")
    report = forecast_closes()
    assert (report.made, report.missed, Forecast.objects.get().model) == (1, 1, demo)
    missed = MissedForecast.objects.get()
    assert (missed.model, "technical has changed since other version 1" in missed.reason) == (other, True)


def failing(series):
    raise ZeroDivisionError(f"of {len(series)} candles")


FAILING = FeatureSet("failing", (Feature("mine", "1", "", 3, failing, scale_free=True),), revision=1)


def test_a_feature_that_fails_is_a_missed_close_and_stops_no_other_model(demo):
    other = with_a_version_of(f"{__name__}.FAILING", feature_set_sha256=FAILING.sha256)
    report = forecast_closes()
    assert (report.made, report.missed, Forecast.objects.get().model) == (1, 1, demo)
    missed = MissedForecast.objects.get()
    assert (missed.model, "feature mine of" in missed.reason and "ZeroDivisionError" in missed.reason) == (other, True)


def test_models_of_one_market_are_each_forecast(demo):
    other = RegisteredModel.objects.of_market("demo-usd-1m", name="demo-usd-1m-other")
    make_version(model=other).promote(actor="user:o", reason="first")
    assert forecast_closes().made == 2
    assert Outcome.objects.count() == 1


def test_versions_with_the_same_bundle_are_asked_in_one_call(at, monkeypatch):
    for name in ("one-usd-1m", "two-usd-1m", "three-usd-1m"):
        simulate_candles(name, candles=60, seed=7)
        make_version(model=RegisteredModel.objects.named(name)).promote(actor="user:o", reason="first")
    calls = []
    engine.refresh()
    asked = OnnxClassifier.probability_up
    monkeypatch.setattr(
        "registry.onnx_model.OnnxClassifier.probability_up", lambda self, X: calls.append(len(X)) or asked(self, X)
    )
    assert forecast_closes().made == 3
    assert calls == [3]


def test_the_number_of_queries_does_not_grow_with_the_markets(at, django_assert_max_num_queries):
    for place in range(12):
        simulate_candles(f"coin{place}-usd-1m", candles=60, seed=place)
        make_version(model=RegisteredModel.objects.named(f"coin{place}-usd-1m")).promote(actor="user:o", reason="first")
    engine.refresh()
    at(1)
    with django_assert_max_num_queries(14):
        extend_all_simulated()
        assert forecast_closes().made == 12


def test_a_clock_that_jumps_back_doubles_nothing_and_loses_nothing(demo, at):
    for minute in (0, 1, 2, 0, 1, 2, 3):
        at(minute)
        follow_markets()
    assert Prediction.objects.count() == 4
    assert not MissedForecast.objects.exists()
    assert Outcome.objects.settled().count() == 3
