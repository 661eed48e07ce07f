"""Hours and weekdays on their circles."""

from datetime import UTC, datetime

import numpy as np
import pytest

from tests.training.candles import random_series
from training.features.cycles import day_of_week, hour_of_day
from training.features.feature_set import feature_set

MOMENTS = np.arange(0, 3_000_000_000, 7_654_321)


@pytest.mark.parametrize(
    ("place", "steps", "number"),
    [(hour_of_day, 24, lambda moment: moment.hour), (day_of_week, 7, lambda moment: moment.weekday())],
)
def test_places_are_those_of_the_calendar(place, steps, number):
    angles = [2 * np.pi * number(datetime.fromtimestamp(int(moment), UTC)) / steps for moment in MOMENTS]
    np.testing.assert_allclose(place(MOMENTS), np.column_stack([np.sin(angles), np.cos(angles)]), atol=1e-12)


@pytest.mark.parametrize(("place", "step", "steps"), [(hour_of_day, 3600, 24), (day_of_week, 86_400, 7)])
def test_neighbours_are_equally_far_apart_all_the_way_round(place, step, steps):
    points = place(step * np.arange(steps + 1))
    gaps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    np.testing.assert_allclose(gaps, gaps[0])
    assert len(np.unique(points.round(9), axis=0)) == steps


def column(name, series):
    return next(f for f in feature_set("technical").features if f.name == name).column(series)


def test_a_candle_has_the_hour_of_its_close():
    hourly = random_series(24)  # the first opens at midnight and closes at 01:00
    assert column("hour_sin", hourly)[0] == pytest.approx(np.sin(2 * np.pi / 24))
    assert column("hour_sin", hourly)[23] == 0.0


def test_on_daily_candles_the_hour_is_a_constant_and_the_weekday_is_not():
    daily = random_series(14, interval=86_400)
    assert set(column("hour_sin", daily)) == {0.0}
    assert set(column("hour_cos", daily)) == {1.0}
    assert len(set(column("weekday_sin", daily))) == 7
