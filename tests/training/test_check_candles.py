"""`manage.py check_candles`: what it says, when it fails, and what it changes."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from cryptoml_site.errors import Refused
from tests.factories import make_market
from tests.training.market_data.test_mark_suspects import AT, candles_of, leapt, walk
from training.market_data.store import store_candles
from training.models import Market

pytestmark = pytest.mark.django_db
FRESH = "2024-01-13T12:20:00Z"  # twenty minutes after the newest of 300 hours closed


@pytest.fixture
def market(set_clock):
    """Fresh, and without a fault in the newest window."""
    set_clock(FRESH)
    made = make_market("bitcoin-usd-1h")
    store_candles(made, candles_of(leapt(walk(), AT)))
    return made


def said(*words):
    out = StringIO()
    call_command("check_candles", *words, stdout=out)
    return out.getvalue()


def refused(*words):
    out = StringIO()
    with pytest.raises(Refused) as refusal:
        call_command("check_candles", *words, stdout=out)
    return refusal.value, out.getvalue()


def test_faults_that_stop_no_answer_are_told_and_nothing_fails(market):
    market.candles.filter(opened_at=market.candles.earliest("opened_at").opened_at + 9 * market.step).delete()
    store_candles(market, candles_of([walk()[5] * 1.001], first=5))
    lines = said()
    assert "2024-01-01 00:00" in lines
    assert "bitcoin-usd-1h: 1 missing from 2024-01-01 09:00" in lines
    closes = [walk()[AT] * 1.5, walk()[AT - 1], walk()[AT + 1]]
    assert "2024-01-09 08:00 closed at {!r}, between {!r} and {!r}: suspect".format(*closes) in lines
    first = market.candles.get(revision=1).first_seen_sha256
    assert f"2024-01-01 05:00 is in revision 1 since 2024-01-13 12:20, first seen as {first}" in lines


def test_a_market_that_gives_no_answers_fails_the_check(market, set_clock):
    set_clock("2024-01-15T12:20:00Z")
    refusal, lines = refused()
    assert refusal.code == "needs_a_person"
    assert "1 of 1 markets give no answers now" in str(refusal)
    assert "bitcoin-usd-1h gives no answers: the newest candle" in lines


def test_a_suspect_candle_in_the_newest_window_fails_the_check(market):
    store_candles(market, candles_of(leapt(walk(), 290))[290:291])
    refusal, lines = refused(market.name)
    assert refusal.code == "needs_a_person"
    assert "the one opened at 2024-01-13T02:00:00Z is suspect" in lines


def test_markets_that_are_named_are_checked_and_no_others(market):
    make_market("empty-usd-1d")
    assert "empty-usd-1d" not in said(market.name)
    refusal, lines = refused()
    assert "1 of 2 markets" in str(refusal)
    assert "empty-usd-1d has no candles yet" in lines


def test_an_unknown_market_is_named(db):
    refusal, _ = refused("none")
    assert refusal.code == "unknown_market"


def test_without_any_market_there_is_nothing_to_fail(db):
    assert "market" in said()


def test_mark_judges_candles_stored_before_there_were_marks(market):
    market.candles.update(suspect="")
    assert ": suspect" not in said()
    assert not market.candles.suspect().exists()
    lines = said("--mark")
    assert "bitcoin-usd-1h: 1 marked as suspect, 0 no more" in lines
    assert "closed at" in lines


def test_clear_takes_the_word_of_who_runs_it(market):
    lines = said(market.name, "--clear", "2024-01-09T08:00:00Z", "--reason", "two exchanges had it")
    assert "the candle bitcoin-usd-1h 2024-01-09 08:00 is cleared" in lines
    assert ": cleared by command:" in lines
    assert "two exchanges had it" in Market.objects.get().candles.exclude(cleared="").get().cleared


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--clear", "2024-01-09T08:00:00Z", "--reason", "r"], "missing_field"),
        (["bitcoin-usd-1h", "--clear", "2024-01-09T08:00:00Z"], "missing_field"),
        (["bitcoin-usd-1h", "--clear", "2024-01-09T08:30:00Z", "--reason", "r"], "unknown_candle"),
        (["bitcoin-usd-1h", "--clear", "2024-01-09T09:00:00Z", "--reason", "r"], "not_suspect"),
    ],
)
def test_what_cannot_be_cleared_is_refused(market, words, code):
    refusal, _ = refused(*words)
    assert refusal.code == code
    assert market.candles.suspect().count() == 1


def test_a_moment_that_is_none_is_refused(market):
    with pytest.raises(CommandError, match="'yesterday' is no moment: write 2024-01-31"):
        said(market.name, "--clear", "yesterday", "--reason", "r")
