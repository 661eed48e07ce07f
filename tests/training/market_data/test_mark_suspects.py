"""Candles are marked as they are stored, each as soon as it can be judged, and judged anew by every revision."""

from datetime import UTC, datetime, timedelta
from itertools import count

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cryptoml_site.errors import Refused
from tests.factories import make_market
from training.market_data import store, suspects
from training.market_data.outliers import LOOKBACK, outliers
from training.market_data.parsed import ParsedCandle
from training.market_data.simulate import extend_all_simulated, simulate_candles
from training.market_data.store import StoreReport, store_candles
from training.market_data.suspects import Marks, mark_all
from training.models import Candle, Market

pytestmark = pytest.mark.django_db
numbers = count()
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
N, AT = 300, 200


@pytest.fixture
def market(set_clock):
    return Market.objects.create(name="bitcoin-usd-1h", coin="bitcoin", currency="usd", interval="1h", source="csv")


def walk(length=N, seed=0):
    return (45_000 * np.exp(np.cumsum(np.random.default_rng(seed).normal(scale=0.005, size=length)))).tolist()


def candles_of(closes, *, first=0):
    return [
        ParsedCandle(FIRST + place * HOUR, None, None, None, close, volume=5.0, market_cap=None)
        for place, close in enumerate(closes, start=first)
    ]


def leapt(closes, *rows, by=1.5):
    return [close * by if place in rows else close for place, close in enumerate(closes)]


def marked(market):
    return [
        (at - FIRST) // HOUR
        for at in market.candles.suspect().order_by("opened_at").values_list("opened_at", flat=True)
    ]


def test_an_outlier_is_marked_as_it_is_stored(market):
    store_candles(market, candles_of(leapt(walk(), AT)))
    assert marked(market) == [AT]
    assert market.candles.get(opened_at=FIRST + AT * HOUR).suspect == "outlier"


def test_the_newest_candle_is_marked_once_the_next_arrives(market):
    candles = candles_of(leapt(walk(), AT))
    store_candles(market, candles[: AT + 1])
    assert marked(market) == []
    store_candles(market, [candles[AT + 1]])
    assert marked(market) == [AT]


def test_a_batch_does_not_end_what_is_seen(market, monkeypatch):
    monkeypatch.setattr(store, "BATCH", 7)
    store_candles(market, candles_of(leapt(walk(), AT, AT + 20)))
    assert marked(market) == [AT, AT + 20]


def test_a_revision_takes_the_mark_away_and_brings_it(market):
    store_candles(market, candles_of(leapt(walk(), AT)))
    store_candles(market, candles_of(walk())[AT : AT + 1])
    assert marked(market) == []
    store_candles(market, candles_of(leapt(walk(), AT + 5))[AT + 5 : AT + 6])
    assert marked(market) == [AT + 5]


def test_a_revision_and_newer_candles_in_one_go_are_all_judged(market):
    store_candles(market, candles_of(walk())[:280])
    assert store_candles(market, candles_of(leapt(walk(), AT, 290))) == StoreReport(20, 279, 1)
    assert marked(market) == [AT, 290]


def test_a_candle_that_fills_a_hole_lets_its_neighbours_be_judged(market):
    candles = candles_of(leapt(walk(), AT))
    store_candles(market, candles[:AT] + candles[AT + 1 :])
    store_candles(market, [candles[AT]])
    assert marked(market) == [AT]


def test_the_same_candles_again_change_nothing(market):
    store_candles(market, candles_of(leapt(walk(), AT)))
    before = list(Candle.objects.order_by("pk").values())
    assert store_candles(market, candles_of(leapt(walk(), AT))) == StoreReport(unchanged=N)
    assert list(Candle.objects.order_by("pk").values()) == before


def test_another_markets_candles_have_no_say(market):
    other = Market.objects.create(name="ether-usd-1h", coin="ether", currency="usd", interval="1h", source="csv")
    store_candles(other, candles_of(walk()))
    store_candles(market, candles_of(leapt(walk(), AT)))
    assert (marked(market), marked(other)) == ([AT], [])


def test_the_farthest_candle_that_has_a_say_is_heard(market):
    """With one return more of the hundred known, they are enough to judge by."""
    candles = candles_of(leapt(walk(), AT))
    alone, oldest = candles[AT - 100], candles[AT - 101]
    store_candles(market, [alone, *candles[AT - 50 :]])
    assert marked(market) == []
    store_candles(market, [oldest])
    assert marked(market) == [AT]


def test_the_farthest_candle_that_has_a_say_is_read(market):
    candles = candles_of(leapt(walk(), AT))
    store_candles(market, candles[AT - 101 : AT - 60] + candles[AT - 11 : AT])  # 40 and 10 returns
    store_candles(market, candles[AT : AT + 2])
    assert marked(market) == [AT]


stored = st.tuples(st.integers(0, N - 1), st.integers(1, 150), st.just(1.0))
revised = st.tuples(st.integers(0, N - 1), st.just(1), st.sampled_from([1.012, 1.3, 0.6]))


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(stored | revised, min_size=1, max_size=12))
def test_however_the_candles_came_the_marks_are_those_of_the_whole_history(set_clock, steps):
    market = make_market(f"coin{next(numbers)}-usd-1h")
    plain = walk()
    for place, many, by in steps:
        store_candles(market, candles_of([close * by for close in plain[place : place + many]], first=place))
    series = market.candles.series(interval=3_600)
    np.testing.assert_array_equal(series.suspect, outliers(series.close))


@pytest.mark.parametrize("at_once", [1, 50, 100_000])
def test_candles_stored_before_there_were_marks_are_judged_by_mark_all(market, monkeypatch, at_once):
    monkeypatch.setattr(suspects, "AT_ONCE", at_once)
    store_candles(market, candles_of(leapt(walk(), AT, AT + 30)))
    market.candles.filter(opened_at=FIRST + AT * HOUR).update(suspect="")
    market.candles.filter(opened_at=FIRST + 5 * HOUR).update(suspect="outlier")
    assert mark_all(market) == Marks(marked=1, unmarked=1)
    assert (marked(market), mark_all(market)) == ([AT, AT + 30], Marks())


def test_a_loader_waits_for_one_stretch_and_never_for_the_whole_history(market, monkeypatch):
    monkeypatch.setattr(suspects, "AT_ONCE", 100)
    store_candles(market, candles_of(walk()))
    with CaptureQueriesContext(connection) as asked:
        mark_all(market)
    said = [query["sql"] for query in asked]
    began = [place for place, sql in enumerate(said) if sql.startswith("SAVEPOINT")]
    locked = [place for place, sql in enumerate(said) if "FOR UPDATE" in sql]
    ended = [place for place, sql in enumerate(said) if sql.startswith("RELEASE")]
    assert len(locked) == 3
    assert all(begin < lock < end for begin, lock, end in zip(began, locked, ended, strict=True))


def test_of_no_candles_none_is_suspect(market):
    assert mark_all(market) == Marks()


def suspect_of(market):
    store_candles(market, candles_of(leapt(walk(), AT)))
    return market.candles.suspect().get()


def test_a_person_clears_a_candle_and_says_why(market):
    candle = suspect_of(market)
    candle.clear(actor="user:anna", reason="two other exchanges had it")
    assert (marked(market), candle.is_suspect) == ([], False)
    assert market.candles.get(pk=candle.pk).cleared == "user:anna: two other exchanges had it"
    assert not market.candles.series(interval=3_600).suspect.any()


def test_cleared_it_stays_however_often_it_is_stored_and_judged_again(market):
    suspect_of(market).clear(actor="user:anna", reason="it was so")
    store_candles(market, candles_of(leapt(walk(), AT)))
    store_candles(market, candles_of([45_000.0], first=N))
    mark_all(market)
    assert marked(market) == []
    assert market.candles.exclude(cleared="").count() == 1


def test_a_revision_takes_the_word_back(market):
    suspect_of(market).clear(actor="user:anna", reason="it was so")
    store_candles(market, candles_of(leapt(walk(), AT, by=1.6))[AT : AT + 1])
    assert marked(market) == [AT]
    assert not market.candles.exclude(cleared="").exists()


@pytest.mark.parametrize(("actor", "code"), [("key:abcd1234", "needs_a_person"), ("schedule:x", "needs_a_person")])
def test_no_program_clears_a_candle(market, actor, code):
    with pytest.raises(Refused) as refusal:
        suspect_of(market).clear(actor=actor, reason="it was so")
    assert (refusal.value.code, marked(market)) == (code, [AT])


def test_what_is_not_suspect_is_not_cleared_either_or_twice(market):
    candle = suspect_of(market)
    candle.clear(actor="user:anna", reason="it was so")
    for one in (candle, market.candles.get(opened_at=FIRST)):
        with pytest.raises(Refused) as refusal:
            one.clear(actor="user:ben", reason="me too")
        assert refusal.value.code == "not_suspect"
    assert market.candles.get(pk=candle.pk).cleared.startswith("user:anna")


def test_a_candle_keeps_the_hash_of_what_it_said_first(market):
    store_candles(market, candles_of([10.0, 11.0]))
    candle = market.candles.get(close=11.0)
    first = candle.first_seen_sha256
    for close in (12.0, 13.0):
        store_candles(market, candles_of([close], first=1))
    again = market.candles.get(pk=candle.pk)
    assert (again.revision, again.first_seen_sha256) == (2, first)
    assert market.candles.get(close=10.0).first_seen_sha256 != first


def test_the_simulated_markets_quick_way_leaves_no_candle_unjudged_that_would_be_marked(set_clock):
    simulate_candles("demo-usd-1m", candles=300, seed=7)
    set_clock("2026-11-23T10:05:00Z")
    assert extend_all_simulated() == 5
    assert mark_all(Market.objects.get()) == Marks()


def test_what_a_candle_depends_on_lies_within_reach():
    """`mark_suspects` looks as far ahead as a changed close is seen."""
    rng = np.random.default_rng(1)
    for _ in range(200):
        history = np.array(walk(seed=int(rng.integers(1_000))))
        history[rng.integers(0, N, 5)] *= 1.3
        changed, row = history.copy(), int(rng.integers(0, N))
        changed[row] *= rng.choice([0.5, 1.01, 2.0])
        differing = np.flatnonzero(outliers(history) != outliers(changed))
        assert ((differing >= row - 1) & (differing <= row + LOOKBACK)).all()
