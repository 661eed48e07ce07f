"""Answers computed again from the candles: the same features, or which differ, and which candle was revised."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cryptoml_site.clock import now
from predictions import from_candles
from predictions.from_candles import FromCandlesClass, Windows
from predictions.models import Prediction
from predictions.replay import ReplayClass, replay, replay_log
from registry.models import ModelVersion
from tests.factories import make_market
from tests.predictions.answered import ask_for, revise
from tests.training.candles import assert_same_bits
from training.features.feature_set import feature_set
from training.models import Candle

pytestmark = pytest.mark.django_db
NEWEST = datetime(2026, 11, 22, tzinfo=UTC)
DAY = timedelta(days=1)
A = ReplayClass.A
one_by_one = from_candles._read


@pytest.fixture
def daily(production, set_clock):
    """The market of the version in production, fresh; its candles as they were stored first."""
    return make_market(newest=NEWEST)


def test_the_same_candles_give_the_same_features(client, daily):
    found = replay(ask_for(client, {"market": daily.name}))
    assert (found.kind, found.candles.kind, found.from_candles_now) == (A, FromCandlesClass.SAME, None)


def test_a_revised_candle_is_named_with_the_features_that_it_changes(client, daily, set_clock):
    row = ask_for(client, {"market": daily.name})
    before = daily.candles.get(opened_at=NEWEST - 3 * DAY).close
    set_clock("2026-11-23T11:00:00Z")
    revise(daily, NEWEST - 3 * DAY, close=before + 0.5)
    found = replay(row)
    assert (found.kind, found.candles.kind, found.unexplained) == (A, FromCandlesClass.REVISED, False)
    (candle,) = found.candles.revised
    assert (candle.opened_at, candle.figures) == (NEWEST - 3 * DAY, {"close": (before, before + 0.5)})
    assert candle.revised_at == now()
    changed = {difference.name: difference for difference in found.candles.differences}
    assert list(changed) == ["price_ma_7", "price_ma_30", "price_std_7", "price_lag_3"]
    assert (changed["price_lag_3"].then, changed["price_lag_3"].now) == (before, before + 0.5)
    assert found.candles.sentence == "1 candle was revised since: 4 of 9 features differ"
    assert found.from_candles_now == row.probability_up  # the constant version hears no candles


def test_an_answer_between_two_revisions_is_held_against_the_candles_that_it_saw(client, daily):
    revise(daily, NEWEST, close=110.0)
    row = ask_for(client, {"market": daily.name})
    revise(daily, NEWEST, close=111.0)
    revise(daily, NEWEST - DAY, volume=None)
    revise(daily, NEWEST - DAY, volume=5.0)
    found = replay(row).candles
    assert [candle.figures["close"] for candle in found.revised if "close" in candle.figures] == [(110.0, 111.0)]
    assert ("price", 110.0, 111.0) in [(one.name, one.then, one.now) for one in found.differences]


def test_a_revision_that_was_put_back_changes_nothing(client, daily):
    row = ask_for(client, {"market": daily.name})
    for close in (200.0, daily.candles.get(opened_at=NEWEST).close):
        revise(daily, NEWEST, close=close)
    assert replay(row).candles.kind == FromCandlesClass.SAME


def test_a_figure_that_no_feature_reads_is_named_and_changes_none(client, daily):
    row = ask_for(client, {"market": daily.name})
    revise(daily, NEWEST, high=1e6, low=1.0)
    found = replay(row).candles
    assert found.sentence == "1 candle was revised since: the features are the same"
    assert (found.differences, [*found.revised[0].figures]) == ((), ["high", "low"])


def test_a_candle_changed_behind_the_stores_back_is_unexplained(client, daily):
    row = ask_for(client, {"market": daily.name})
    Candle.objects.filter(opened_at=NEWEST).update(close=99.0)
    found = replay(row)
    assert (found.kind, found.candles.kind, found.unexplained) == (A, FromCandlesClass.UNEXPLAINED, True)
    assert "no revision that is held says what they were" in found.candles.sentence
    assert "price" in [one.name for one in found.candles.differences]


def altered_in_the_log(row):
    """The same row, had its vector been another."""
    Prediction.objects.filter(pk=row.pk).update(vector=[row.vector[0] + 1, *row.vector[1:]])
    return Prediction.objects.get(pk=row.pk)


def test_other_features_of_the_same_candles_are_unexplained(client, daily):
    found = replay(altered_in_the_log(ask_for(client, {"market": daily.name})))
    assert (found.kind, found.candles.kind, found.unexplained) == (A, FromCandlesClass.UNEXPLAINED, True)
    assert [one.name for one in found.candles.differences] == ["price"]


def test_other_features_than_the_candles_of_then_give_are_unexplained(client, daily):
    row = ask_for(client, {"market": daily.name})
    revise(daily, NEWEST, close=99.0)
    assert not replay(row).unexplained
    found = replay(altered_in_the_log(row))
    assert (found.candles.kind, found.unexplained) == (FromCandlesClass.UNEXPLAINED, True)
    assert "give other features than were logged" in found.candles.sentence


def test_another_feature_set_by_now_is_an_explanation(client, daily):
    row = ask_for(client, {"market": daily.name})
    ModelVersion.objects.update(feature_set_sha256="0" * 64)
    assert replay(row).candles.kind == FromCandlesClass.OTHER_FEATURE_SET
    ModelVersion.objects.update(feature_set="technical")
    found = replay(row)
    assert (found.kind, found.candles.kind, found.candles.differences) == (A, FromCandlesClass.OTHER_FEATURE_SET, ())


@pytest.mark.parametrize("gone", ["hole", "market", "feature set"])
def test_what_is_gone_is_not_computed_again_and_the_stored_vector_is(client, daily, gone):
    row = ask_for(client, {"market": daily.name})
    said = {
        "hole": "the candle opened at 2026-11-20T00:00:00Z is absent",
        "market": "no market is called 'bitcoin-usd-1d'",
        "feature set": "there is no feature set 'ancient'",
    }
    if gone == "feature set":
        ModelVersion.objects.update(feature_set="ancient")
    else:
        Candle.objects.filter(**{"opened_at": NEWEST - 2 * DAY} if gone == "hole" else {}).delete()
    if gone == "market":
        daily.delete()
    found = replay(row)
    assert (found.kind, found.candles.kind, found.unexplained) == (A, FromCandlesClass.IMPOSSIBLE, False)
    assert said[gone] in found.candles.sentence


def test_windows_read_ahead_are_to_the_bit_those_read_alone(daily, monkeypatch):
    daily.candles.filter(opened_at=NEWEST - 40 * DAY).delete()
    moments = [NEWEST - days * DAY for days in (0, 1, 2, 5, 10, 28, 50, 70)]
    ahead, alone = Windows(), Windows()
    asked = [(daily.name, "classic", moment) for moment in moments]
    ahead.read_ahead([*asked, ("gone", "classic", NEWEST), (daily.name, "ancient", NEWEST)])
    read = []
    monkeypatch.setattr(from_candles, "_read", lambda *what: read.append(what[2]) or one_by_one(*what))
    for one in asked:
        window, other = ahead.of(*one), alone.of(*one)
        assert (window.sha256, window.refusal) == (other.sha256, other.refusal)
        if other.vector is None:
            assert window.vector is None
        else:
            assert_same_bits(window.vector, other.vector)
    assert [moment for moment in moments if read.count(moment) == 2] == moments[5:]  # a hole, no history


def test_many_answers_cost_few_queries(client, daily):
    for days in range(25):
        ask_for(client, {"market": daily.name, "as_of": (NEWEST - days * DAY).isoformat()})
    with CaptureQueriesContext(connection) as asked:
        found = list(replay_log(Prediction.objects.all()))
    assert {(one.kind, one.candles.kind) for one in found} == {(A, FromCandlesClass.SAME)}
    assert len(asked.captured_queries) == 5  # a chunk, its versions, the market, its candles; and no second chunk


def test_a_zero_of_another_sign_is_another_feature():
    zeros = np.zeros(9, np.float32)
    (found,) = from_candles._differences(feature_set("classic"), zeros, np.copysign(zeros, np.float32([-1, *[1] * 8])))
    assert (found.name, str(found)) == ("price", "price 0.0 then, -0.0 now")
