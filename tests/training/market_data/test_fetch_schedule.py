"""When a source is asked again: a little after each close, and after growing pauses where it gives nothing."""

from datetime import UTC, datetime, timedelta

import pytest

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused, Unavailable
from tests.training.market_data.shelf import Shelf
from training.market_data.fetch import fetch_candles
from training.market_data.markets import claim_market
from training.models import FetchState, Market
from training.models.fetch_state import shown_at
from training.tasks import fetch_due_candles, fetch_market

pytestmark = pytest.mark.django_db


@pytest.fixture
def market(set_clock):
    """Hourly, empty; it is 2026-11-23 10:00 UTC."""
    return claim_market("bitcoin-usd-1h", source="coingecko")


def state(market):
    return FetchState.objects.get(market=market)


def due(until):
    return list(Market.objects.due_for_fetch(datetime.fromisoformat(until)))


def test_the_source_is_asked_again_a_little_after_the_next_close(market):
    assert due("2026-11-23T10:00:00Z") == [market]
    fetch_candles(market, source=Shelf())
    assert (due("2026-11-23T11:00:59Z"), due("2026-11-23T11:01:00Z")) == ([], [market])


@pytest.mark.parametrize(
    ("interval", "shown"), [("1m", "00:01:01"), ("15m", "00:15:15"), ("1h", "01:01:00"), ("4h", "04:04:00")]
)
def test_a_provider_shows_a_candle_a_little_after_its_close(interval, shown):
    market, midnight = Market(name="m", interval=interval), datetime(2026, 11, 23, tzinfo=UTC)
    assert f"{shown_at(market, midnight):%H:%M:%S}" == shown


def test_a_day_is_shown_ten_minutes_after_midnight():
    midnight = datetime(2026, 11, 23, tzinfo=UTC)
    assert shown_at(Market(name="m", interval="1d"), midnight).isoformat() == "2026-11-24T00:10:00+00:00"


def test_a_source_that_does_not_answer_is_asked_again_after_growing_pauses(market, set_clock):
    pauses = []
    for _ in range(8):
        with pytest.raises(Unavailable):
            fetch_candles(market, source=Shelf(breaks_after=0))
        assert state(market).error == "the shelf does not answer"
        pauses.append((state(market).next_at - now()) // timedelta(minutes=1))
        set_clock(state(market).next_at.isoformat())
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


def test_so_is_one_that_answers_without_the_candle_that_closed(market, set_clock):
    fetch_candles(market, source=Shelf())
    set_clock("2026-11-23T11:01:00Z")
    for minute in ("02", "04", "08"):
        assert fetch_candles(market, source=Shelf()).stored.inserted == 0
        assert f"{state(market).next_at:%H:%M}" == f"11:{minute}"
        set_clock(state(market).next_at.isoformat())
    assert fetch_candles(market, source=Shelf(range(337))).stored.inserted == 1
    assert (state(market).vain, f"{state(market).next_at:%H:%M}") == (0, "12:01")


def test_an_answer_ends_the_pauses_and_takes_the_error_back(market, set_clock):
    for _ in range(3):
        with pytest.raises(Unavailable):
            fetch_candles(market, source=Shelf(breaks_after=0))
    fetch_candles(market, source=Shelf())
    assert (state(market).error, state(market).vain, state(market).answered_at) == ("", 0, now())
    assert f"{state(market).next_at:%H:%M}" == "11:01"


def test_to_look_before_a_candle_is_due_is_not_in_vain(market):
    fetch_candles(market, source=Shelf())
    fetch_candles(market, source=Shelf())
    assert (state(market).vain, f"{state(market).next_at:%H:%M}") == (0, "11:01")


def test_what_breaks_in_the_source_itself_is_remembered_too(market):
    class Broken(Shelf):
        def candles(self, *asked, start, end):
            raise KeyError("prices")

    with pytest.raises(Refused):
        fetch_candles(market, source=Broken())
    assert state(market).error == "shelf failed in candles() (KeyError: 'prices'); its author must mend it"


def test_markets_that_nobody_can_ask_about_are_never_due(market):
    claim_market("dogecoin-usd-1d", source="csv")
    assert due("2030-01-01T00:00:00Z") == [market]


def test_who_has_waited_longest_is_asked_first(market):
    later = claim_market("ethereum-usd-1h", source="coingecko")
    new = claim_market("solana-usd-1h", source="coingecko")
    fetch_candles(market, source=Shelf(range(300)))
    fetch_candles(later, source=Shelf(range(336)))
    assert due("2030-01-01T00:00:00Z") == [new, market, later]


# --- by tasks ---


@pytest.fixture
def sent(monkeypatch):
    """What was sent to the workers."""
    messages = []
    monkeypatch.setattr(
        "training.fetch_queue.current_app.send_task",
        lambda name, args=(), **options: messages.append((name, args, options)),
    )
    return messages


@pytest.fixture
def shelf(monkeypatch):
    source = Shelf()
    monkeypatch.setattr("training.market_data.fetch.source_named", lambda name, patience: source)
    return source


def test_each_minute_what_is_due_before_the_next_is_sent_for_its_moment(market, sent, shelf, set_clock):
    claim_market("dogecoin-usd-1d", source="csv")
    later = claim_market("ethereum-usd-1m", source="ccxt:binance")
    FetchState.objects.create(market=later, next_at=now() + timedelta(seconds=42))
    fetch_due_candles()
    assert sent == [
        ("data.fetch_market", [market.pk], {"countdown": 0.0, "expires": 50.0}),
        ("data.fetch_market", [later.pk], {"countdown": 42.0, "expires": 92.0}),
    ]
    sent.clear()
    fetch_market(market.pk)
    set_clock("2026-11-23T10:59:59Z")
    fetch_due_candles()
    assert [args for _, args, _ in sent] == [[later.pk]]
    set_clock("2026-11-23T11:00:00Z")
    fetch_due_candles()
    assert ("data.fetch_market", [market.pk], {"countdown": 60.0, "expires": 110.0}) in sent


def test_a_task_for_a_market_that_is_being_fetched_leaves_it_alone(market, shelf, monkeypatch, caplog):
    monkeypatch.setattr("training.tasks.fetch_candles", refuse)
    fetch_market(market.pk)
    assert "bitcoin-usd-1h was not fetched: not now" in caplog.text


def refuse(*_, **__):
    raise Refused("not now")


@pytest.mark.parametrize(("interval", "asked"), [("1m", [("data.follow_markets", (), {"expires": 50})]), ("1h", [])])
def test_forecasts_of_short_candles_follow_at_once(set_clock, sent, shelf, interval, asked):
    market = claim_market(f"solana-usd-{interval}", source="ccxt:binance")
    fetch_market(market.pk)
    assert sent == asked
    fetch_market(market.pk)
    assert sent == asked  # nothing new, nothing to forecast
