"""Fetching: what is missing and nothing else, page by page, one process at a time, and what is remembered of it."""

from contextlib import suppress
from datetime import timedelta

import psycopg
import pytest
from django.db import connection

from cryptoml_site.clock import now
from cryptoml_site.errors import Invalid, Refused, Unavailable
from tests.training.market_data.shelf import HOUR, Shelf, at, candle
from training.market_data.fetch import LOCK, fetch_candles
from training.market_data.markets import claim_market
from training.market_data.store import StoreReport, store_candles
from training.models import CandleRevision, FetchState, Market

pytestmark = pytest.mark.django_db


@pytest.fixture
def market(set_clock):
    """Hourly, empty; it is 2026-11-23 10:00 UTC, which is at(336)."""
    return claim_market("bitcoin-usd-1h", source="coingecko")


def hold(market, hours):
    store_candles(market, [candle(at(hour), 100.0 + hour % 7) for hour in hours])


def held(market):
    return set(market.candles.values_list("opened_at", flat=True))


def test_an_empty_market_gets_what_its_source_gives(market):
    said = []
    report = fetch_candles(market, source=Shelf(page=100), progress=lambda done, total: said.append((done, total)))
    assert (report.stored, report.pages, report.missing) == (StoreReport(inserted=336), 4, 0)
    assert held(market) == {at(hour) for hour in range(336)}
    assert report.newest_closed_at == now()
    assert said == [(0, 336), (100, 336), (200, 336), (300, 336), (336, 336), (336, 336)]


def test_a_source_without_a_limit_is_asked_for_five_years_of_hours(market):
    shelf = Shelf(page=45_000, reach=None)
    fetch_candles(market, source=shelf)
    assert shelf.asked == [(at(336 - 45_000), at(336))]


def test_no_day_is_asked_for_that_was_before_all_markets(set_clock):
    shelf = Shelf([], page=45_000, reach=None)
    fetch_candles(claim_market("bitcoin-usd-1d", source="coingecko"), source=shelf)
    assert shelf.asked[0][0].isoformat() == "2010-01-01T00:00:00+00:00"


def test_a_market_goes_on_from_its_newest_candles_which_are_asked_for_again(market):
    hold(market, range(300))
    shelf = Shelf()
    report = fetch_candles(market, source=shelf)
    assert shelf.asked == [(at(297), at(336))]
    assert report.stored == StoreReport(inserted=36, unchanged=3)


def test_what_a_provider_corrects_late_becomes_a_revision(market):
    hold(market, range(336))
    shelf = Shelf()
    shelf.closes[at(334)] = 555.0
    assert fetch_candles(market, source=shelf).stored == StoreReport(unchanged=2, revised=1)
    assert CandleRevision.objects.get().candle.close == 555.0


def test_since_asks_for_the_holes_and_nothing_that_is_held(market):
    hold(market, [*range(50, 100), *range(110, 200), *range(300, 336)])
    shelf = Shelf(page=10)
    report = fetch_candles(market, since=at(0), source=shelf)
    assert shelf.asked == [(at(0), at(50)), (at(100), at(110)), (at(200), at(300)), (at(333), at(336))]
    assert report.stored == StoreReport(inserted=160, unchanged=3)
    assert held(market) == {at(hour) for hour in range(336)}


def test_holes_that_fit_into_one_question_are_asked_for_together(market):
    hold(market, set(range(336)) - {10, 14, 40, 330})
    shelf = Shelf(page=48)
    fetch_candles(market, since=at(0), source=shelf)
    assert shelf.asked == [(at(10), at(41)), (at(330), at(336))]


def test_since_asks_only_for_what_opened_since(market):
    shelf = Shelf()
    report = fetch_candles(market, since=at(300) - timedelta(minutes=5), source=shelf)
    assert (shelf.asked, report.stored.inserted) == ([(at(300), at(336))], 36)


def test_since_after_the_newest_candle_leaves_the_time_between_alone(market):
    hold(market, range(10))
    shelf = Shelf()
    fetch_candles(market, since=at(300), source=shelf)
    assert shelf.asked == [(at(300), at(336))]


def test_what_the_source_does_not_have_is_said_and_asked_for_again_with_since_alone(market):
    shelf = Shelf(set(range(336)) - {100, 101})
    report = fetch_candles(market, source=shelf)
    assert (report.missing, "2 that were asked for are still missing" in str(report)) == (2, True)
    assert fetch_candles(market, source=shelf).missing == 0
    assert fetch_candles(market, since=at(0), source=shelf).missing == 2


def test_a_candle_that_has_not_closed_is_left_where_it_is(market, set_clock):
    set_clock("2026-11-23T09:59:59Z")
    report = fetch_candles(market, source=Shelf(range(336)))
    assert (report.stored.inserted, max(held(market))) == (335, at(334))


def test_a_source_that_gives_more_than_it_was_asked_for_stores_no_more(market):
    class Generous(Shelf):
        def candles(self, *asked, start, end):
            yield [candle(start - HOUR), candle(start), candle(end)]

    fetch_candles(market, since=at(300), source=Generous())
    assert held(market) == {at(300)}


@pytest.mark.parametrize("opened_at", [[at(301), at(300)], [at(300), at(300)], [at(300) + timedelta(minutes=1)]])
def test_a_source_out_of_line_is_refused(market, opened_at):
    class Crooked(Shelf):
        def candles(self, *asked, start, end):
            yield [candle(moment) for moment in opened_at]

    with pytest.raises(Refused, match="candles ascend, without doubles") as refused:
        fetch_candles(market, source=Crooked())
    assert (refused.value.code, held(market)) == ("bad_source", set())


def test_when_the_source_breaks_down_what_it_gave_stays_and_the_next_run_goes_on_from_there(market):
    with pytest.raises(Unavailable, match="does not answer"):
        fetch_candles(market, source=Shelf(page=100, breaks_after=2))
    assert held(market) == {at(hour) for hour in range(200)}
    shelf = Shelf(page=100)
    fetch_candles(market, source=shelf)
    assert (shelf.asked, len(held(market))) == ([(at(197), at(336))], 336)


def test_a_source_that_reaches_less_far_than_a_long_pause_is_asked_for_what_it_has(market):
    hold(market, range(10))
    shelf = Shelf(reach=at(100) - timedelta(minutes=1))
    assert fetch_candles(market, source=shelf).stored.inserted == 236
    assert shelf.asked == [(at(100), at(336))]


@pytest.mark.parametrize(
    ("since", "code", "said"),
    [
        (at(336), "in_future", "has closed yet"),
        (at(335) + timedelta(minutes=1), "in_future", "has closed yet"),
        (at(99), "history_limit", "no candle that opened before 2026-11-13 14:00 UTC"),
    ],
)
def test_a_since_that_cannot_be_had_is_refused_and_is_no_fault_of_the_source(market, since, code, said):
    with pytest.raises(Invalid, match=said) as refused:
        fetch_candles(market, since=since, source=Shelf(reach=at(100)))
    assert (refused.value.field, refused.value.code) == ("since", code)
    assert FetchState.objects.get().error == ""


def test_what_is_held_already_may_lie_beyond_the_sources_reach(market):
    hold(market, range(100))
    shelf = Shelf(reach=at(100))
    assert fetch_candles(market, since=at(0), source=shelf).missing == 0


@pytest.mark.parametrize("source", ["csv", "simulated"])
def test_a_market_that_nobody_can_be_asked_about_is_refused(source, set_clock):
    market = Market(name="bitcoin-usd-1h", coin="bitcoin", currency="usd", interval="1h", source=source)
    with pytest.raises(Refused, match=f"comes from '{source}'") as refused:
        fetch_candles(market)
    assert refused.value.code == "not_fetched"


def test_a_source_that_there_is_not_is_remembered_as_the_reason(set_clock):
    with pytest.raises(Refused):
        fetch_candles(claim_market("bitcoin-usd-1h", source="crystal-ball"))
    assert "no source is called 'crystal-ball'" in FetchState.objects.get().error


# --- one at a time ---


@pytest.fixture
def beside(db):
    """A connection of another process."""
    with psycopg.connect(**{**connection.get_connection_params(), "cursor_factory": None}, autocommit=True) as opened:
        yield opened


def test_two_never_fetch_one_market_at_once(market, beside):
    beside.execute("SELECT pg_advisory_lock(%s, %s)", [LOCK, market.pk])
    with pytest.raises(Refused, match="is being fetched by another process") as refused:
        fetch_candles(market, source=Shelf())
    assert (refused.value.code, held(market), FetchState.objects.exists()) == ("fetching", set(), False)
    other = claim_market("ethereum-usd-1h", source="coingecko")
    assert fetch_candles(other, source=Shelf()).stored.inserted == 336
    beside.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK, market.pk])
    assert fetch_candles(market, source=Shelf()).stored.inserted == 336


@pytest.mark.parametrize("breaks_after", [None, 0])
def test_who_is_done_lets_the_next_one_in(market, beside, breaks_after):
    with suppress(Unavailable):
        fetch_candles(market, source=Shelf(breaks_after=breaks_after))
    assert beside.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK, market.pk]).fetchone() == (True,)
