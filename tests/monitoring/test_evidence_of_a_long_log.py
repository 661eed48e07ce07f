"""However many answers there are about a candle, and however long the log, what came of them is told at once."""

import time
from datetime import timedelta

import pytest
from django.db import connection

from monitoring.evidence import settled
from tests.factories import make_market
from tests.monitoring.judged import HOUR, HOURLY, NOON, hourly_version
from tests.monitoring.long_log import fill, settle_all

HOURS = 300
MOST_SECONDS = 0.2

pytestmark = [pytest.mark.django_db, pytest.mark.long]


def took(versions, *, most):
    """The fastest of three, in seconds, and what was found."""
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        found = settled(versions, since=NOON - timedelta(days=30), most=most)
        seconds.append(time.perf_counter() - began)
    return min(seconds), found


@pytest.mark.parametrize("rows", [1_000_000, 10_000_000])
def test_answers_about_a_few_hundred_candles_are_read_one_a_candle(rows, set_clock, capsys):
    set_clock(NOON.isoformat())
    market, version, other = make_market(HOURLY), hourly_version(), hourly_version()
    fill([version], rows=rows, hours=HOURS, until=NOON)
    fill([other], rows=1, hours=1, until=NOON - 10 * HOUR)  # among a million answers of another version
    settle_all(market, hours=HOURS, until=NOON)
    seconds, found = took([version], most=20_000)
    alone, once = took([other], most=20_000)
    with connection.cursor() as cursor, capsys.disabled():
        cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE relname = 'predictions_prediction_2026_11'")
        told = f"{seconds * 1e3:.0f} ms, of a version with one answer {alone * 1e3:.0f} ms"
        print(f"\nevidence of {HOURS} candles among {cursor.fetchone()[0]:,} answers: {told}")  # noqa: T201
    assert [len(evidence) for evidence in (*found.values(), *once.values())] == [HOURS, 1]
    assert seconds < MOST_SECONDS
    assert alone < MOST_SECONDS
