"""What counts: one answer a close, given before its end was known, by the newest word on what happened."""

from contextlib import suppress
from datetime import timedelta
from math import log

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from monitoring.evidence import answered, settled
from predictions.models import ClientOutcome
from registry.models import RegisteredModel
from tests.factories import make_market, make_prediction, make_version
from tests.monitoring.judged import HOUR, HOURLY, NOON, answer, hourly_version, settle
from training.market_data.parsed import ParsedCandle
from training.market_data.store import store_candles
from training.outcomes import Close, expect, settle_due

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def market(db):
    return make_market(HOURLY)


@pytest.fixture
def version(market):
    return hourly_version()


def found(*versions, since=NOON - timedelta(days=30), most=100, **role):
    """(as_of, called up, log return) of each close that counts."""
    evidence = answered(versions, since=since, most=most, **role)[versions[0].model_id].called
    return list(zip(evidence.as_of.tolist(), evidence.called_up.tolist(), evidence.log_return.tolist(), strict=True))


def naive(moment):
    return moment.replace(tzinfo=None)


def test_a_million_askers_about_one_candle_are_one_close(version, market):
    for seconds in range(60, 70):
        answer(version, NOON, after=timedelta(minutes=60, seconds=seconds))
    settle(market, NOON)
    assert found(version) == [(naive(NOON), True, 0.01)]


def test_the_schedules_forecast_counts_though_a_client_asked_before_it(version, market):
    answer(version, NOON, after=61 * MINUTE, up=False)
    answer(version, NOON, after=62 * MINUTE, up=True, scheduled=True)
    settle(market, NOON)
    assert found(version) == [(naive(NOON), True, 0.01)]


def test_where_the_schedule_made_none_the_first_that_was_asked_for_counts(version, market):
    answer(version, NOON, after=90 * MINUTE, up=True)
    answer(version, NOON, after=61 * MINUTE, up=False)
    settle(market, NOON)
    assert found(version) == [(naive(NOON), False, 0.01)]


@pytest.mark.parametrize("after", [120 * MINUTE, 500 * MINUTE])
@pytest.mark.parametrize("scheduled", [True, False])
def test_who_could_know_the_end_is_no_witness(version, market, after, scheduled):
    answer(version, NOON, after=after, scheduled=scheduled)
    settle(market, NOON)
    assert found(version) == []


def test_a_moment_before_the_end_is_in_time(version, market):
    answer(version, NOON, after=2 * HOUR - timedelta(microseconds=1))
    settle(market, NOON)
    assert len(found(version)) == 1


def test_features_that_a_client_sent_count_for_nothing_whatever_it_says(version, market):
    row = make_prediction(made_at=NOON + 61 * MINUTE, version=version)
    settle(market, NOON)
    ClientOutcome.objects.give(row, actor="key:x", log_return=0.5)
    assert found(version) == []


def test_each_role_has_its_own_evidence(version, market):
    other = hourly_version()
    for role, up in (("production", True), ("trial", True), ("arm", True), ("shadow", False)):
        answer(other, NOON, role=role, up=up, scheduled=role == "production")
    settle(market, NOON)
    assert found(version) == []
    assert found(other, role="shadow") == [(naive(NOON), False, 0.01)]
    assert found(other) == [(naive(NOON), True, 0.01)]


def test_who_abstained_is_counted_apart(version, market):
    answer(version, NOON, up=None)
    answer(version, NOON, up=True, after=70 * MINUTE)
    answer(version, NOON - HOUR, up=True)
    for as_of in (NOON, NOON - HOUR):
        settle(market, as_of)
    assert [as_of for as_of, _, _ in found(version)] == [naive(NOON - HOUR)]
    evidence = answered([version], since=NOON - 9 * HOUR, most=100)[version.model_id]
    assert evidence.abstained.tolist() == [False, True]
    assert len(settled([version], since=NOON - 9 * HOUR, most=100)[version.model_id]) == 1


def test_the_newest_revision_is_what_happened(version, market):
    answer(version, NOON)
    settle(market, NOON, 0.01)
    settle(market, NOON, -0.02, revision=1)
    assert found(version) == [(naive(NOON), True, -0.02)]


@pytest.mark.parametrize("status", ["pending", "void"])
def test_what_is_open_again_or_void_is_not_known(version, market, status):
    answer(version, NOON)
    settle(market, NOON)
    settle(market, NOON, 0.02, revision=1, status=status)
    assert found(version) == []


def test_of_several_versions_each_close_counts_once(version, market):
    newer = hourly_version()
    answer(version, NOON, up=True)
    answer(newer, NOON, up=False, after=70 * MINUTE)
    answer(version, NOON - HOUR, up=True)
    answer(newer, NOON - HOUR, up=False, after=70 * MINUTE, scheduled=True)
    answer(newer, NOON + HOUR, up=False)
    for hours in (-1, 0, 1):
        settle(market, NOON + hours * HOUR)
    assert [up for _, up, _ in found(version, newer)] == [False, True, False]
    assert [up for _, up, _ in found(newer)] == [False, False, False]
    assert [up for _, up, _ in found(version)] == [True, True]


def test_two_models_are_told_apart(version, market):
    other = make_version(model=RegisteredModel.objects.of_market(market.name, name="second"))
    answer(version, NOON, up=True)
    answer(other, NOON, up=False)
    settle(market, NOON)
    both = settled([version, other], since=NOON - HOUR, most=9)
    assert [both[one.model_id].called_up.tolist() for one in (version, other)] == [[True], [False]]


def test_the_newest_are_told_and_none_from_before(version, market):
    for hours in range(5):
        answer(version, NOON - hours * HOUR)
        settle(market, NOON - hours * HOUR)
    assert [as_of for as_of, _, _ in found(version, most=2)] == [naive(NOON - HOUR), naive(NOON)]
    assert len(found(version, since=NOON - 2 * HOUR)) == 3


def test_whoever_has_answered_nothing_has_no_evidence(version):
    assert found(version) == []


# --- candles as they come ---

CLOSES = 5  # answered, which takes a candle more
DELIVERIES = st.lists(
    st.one_of(
        st.tuples(st.just("candle"), st.integers(0, CLOSES), st.sampled_from([90.0, 100.0, 110.0])),
        st.tuples(st.just("settle"), st.integers(0, 0), st.just(0.0)),
        st.tuples(st.just("wait"), st.sampled_from([1, 20]), st.just(0.0)),
    ),
    max_size=25,
)


class _TakenBack(Exception):
    """So that each example finds the database as the one before did."""


@settings(
    max_examples=60, phases=[Phase.reuse, Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(deliveries=DELIVERIES)
def test_candles_late_twice_changed_or_in_any_order_give_the_same_evidence(version, market, set_clock, deliveries):
    with suppress(_TakenBack), transaction.atomic():
        moments = [NOON + hour * HOUR for hour in range(CLOSES + 1)]
        for as_of in moments[:-1]:
            answer(version, as_of)
        expect(Close(market, as_of, 1) for as_of in moments[:-1])
        clock, final = moments[-1] + HOUR, dict.fromkeys(moments, 100.0)
        at_last = [("candle", hour, 95.0 + hour) for hour in range(CLOSES, -1, -1)]
        for what, number, close in [*deliveries, *at_last, ("settle", 0, 0.0)]:
            set_clock(clock.isoformat())
            if what == "candle":
                store_candles(market, [ParsedCandle(moments[number], None, None, None, close, 1.0, None)])
                final[moments[number]] = close
            elif what == "wait":
                clock += number * HOUR
            else:
                settle_due()
        told = found(version)
        assert [as_of for as_of, _, _ in told] == [naive(as_of) for as_of in moments[:-1]]
        for as_of, (_, _, came) in zip(moments, told, strict=False):
            assert came == pytest.approx(log(final[as_of + HOUR] / final[as_of]))
        raise _TakenBack
