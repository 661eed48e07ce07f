"""What is said of a market's data: each fault counted, told apart, and whether it stops answers."""

from datetime import UTC, datetime, timedelta

import pytest

from cryptoml_site.clock import now
from tests.factories import make_market, make_model, make_version
from tests.training.market_data.test_mark_suspects import AT, FIRST, HOUR, candles_of, leapt, walk
from training.market_data.quality import NEWEST, quality_of
from training.market_data.store import store_candles
from training.models import Market

pytestmark = pytest.mark.django_db
LAST = datetime(2026, 11, 22, tzinfo=UTC)  # of the fresh market
DAY = timedelta(days=1)


@pytest.fixture
def fresh(set_clock):
    return make_market(newest=LAST)


@pytest.fixture
def hourly(set_clock):
    """Ended long ago."""
    return make_market("bitcoin-usd-1h")


def report_of(market):
    return quality_of(market, at=now())


def test_of_good_data_nothing_is_said(fresh):
    report = report_of(fresh)
    assert (report.candles, report.first_opened_at, report.newest_opened_at) == (60, LAST - 59 * DAY, LAST)
    assert (report.gaps, report.missing, report.volumes_absent) == ([], 0, 0)
    assert (report.suspects, report.suspect_count, report.revised, report.revised_count) == ([], 0, [], 0)
    assert (report.refused, report.needs_a_person) == ([], False)


def test_gaps_are_listed_and_their_candles_counted(fresh):
    fresh.candles.filter(opened_at__in=[LAST - days * DAY for days in (50, 49, 48, 40)]).delete()
    report = report_of(fresh)
    assert [(gap.start, gap.candles) for gap in report.newest_gaps] == [(LAST - 40 * DAY, 1), (LAST - 50 * DAY, 3)]
    assert (report.gap_count, report.missing, report.candles) == (2, 4, 56)


def test_of_many_gaps_the_newest_are_spelled_out(hourly):
    store_candles(hourly, candles_of(walk())[::2])
    report = report_of(hourly)
    assert (report.gap_count, len(report.newest_gaps), report.earlier_gaps) == (149, NEWEST, 149 - NEWEST)
    assert report.newest_gaps[0].start == FIRST + 297 * HOUR


def test_absent_volumes_are_counted(fresh):
    fresh.candles.filter(opened_at__lt=LAST - 50 * DAY).update(volume=None)
    assert report_of(fresh).volumes_absent == 9


def test_a_suspect_candle_is_told_with_its_neighbours_and_a_cleared_one_apart(hourly):
    store_candles(hourly, candles_of(leapt(walk(), AT, AT + 20)))
    hourly.candles.suspect().order_by("opened_at").first().clear(actor="user:anna", reason="so it was")
    report = report_of(hourly)
    assert (report.suspect_count, report.cleared_count) == (1, 1)
    newer, older = report.suspects
    assert (newer.opened_at, newer.cleared) == (FIRST + (AT + 20) * HOUR, "")
    assert (older.opened_at, older.cleared) == (FIRST + AT * HOUR, "user:anna: so it was")
    closes = walk()
    assert (older.close_before, older.close_after) == (closes[AT - 1], closes[AT + 1])


def test_revisions_are_counted_and_the_first_hash_is_told(hourly, set_clock):
    store_candles(hourly, candles_of(walk()))
    first = {candle.opened_at: candle.first_seen_sha256 for candle in hourly.candles.all()}
    for by in (1.001, 1.002):
        set_clock("2026-11-24T10:00:00Z")
        store_candles(hourly, candles_of([walk()[5] * by], first=5))
    store_candles(hourly, candles_of([walk()[9] * 1.001], first=9))
    report = report_of(hourly)
    assert (report.revised_count, report.revisions) == (2, 3)
    assert report.revised_at == datetime(2026, 11, 24, 10, tzinfo=UTC)
    assert [candle.opened_at for candle in report.revised] == [FIRST + 9 * HOUR, FIRST + 5 * HOUR]
    assert all(candle.first_seen_sha256 == first[candle.opened_at] for candle in report.revised)


def test_stale_candles_need_a_person(fresh, set_clock):
    set_clock("2026-11-27T10:00:00Z")
    report = report_of(fresh)
    assert "the next is overdue" in report.refused[0]
    assert report.needs_a_person


def test_a_market_without_candles_needs_a_person(set_clock):
    report = report_of(make_market())
    assert (report.candles, report.first_opened_at, report.gaps) == (0, None, [])
    assert "has no candles yet" in report.refused[0]


@pytest.mark.parametrize(("ago", "refused"), [(29, True), (30, False)])
def test_what_lies_before_the_newest_window_needs_nobody(fresh, ago, refused):
    candle = fresh.candles.filter(opened_at=LAST - ago * DAY)
    candle.update(suspect="outlier")
    assert report_of(fresh).needs_a_person == refused
    candle.delete()
    assert report_of(fresh).needs_a_person == refused


def test_the_window_is_that_of_the_models_that_answer(fresh):
    assert not report_of(fresh).needs_a_person
    make_version(model=make_model(), features="technical").promote(actor="user:o", reason="first")
    [sentence] = report_of(fresh).refused
    assert "technical needs the" in sentence


def test_the_queries_do_not_grow_with_the_candles(hourly, django_assert_max_num_queries):
    candles = candles_of(leapt(walk(), *range(110, 290, 8)))
    store_candles(hourly, candles[:60] + candles[64:])
    store_candles(hourly, candles_of([close * 1.001 for close in walk()[:50]]))
    with django_assert_max_num_queries(11):
        report = quality_of(Market.objects.get(), at=now())
        assert [candle.first_seen_sha256 for candle in report.revised]
    assert (report.gap_count, report.suspect_count, report.revised_count) == (1, 23, 50)
