"""Data freshness: each market's newest candle beside what it may be, in few queries however many there are."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from monitoring.freshness import State, by_state
from predictions.models import MissedForecast
from registry.models import RegisteredModel
from tests.factories import make_market
from training.models import Candle, FetchState, Market, Outcome

PAGE = reverse("dashboards:freshness")
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clock(set_clock):
    set_clock(NOW.isoformat())


def page(admin_client, **asked):
    answer = admin_client.get(PAGE, asked)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def market(name="eth-usd-1h", *, opened, source="coingecko", **more):
    """opened: how long ago its newest candle opened."""
    made = make_market(name, newest=opened and NOW - opened, **more)
    Market.objects.filter(pk=made.pk).update(source=source)
    return made


def model_of(name):
    return RegisteredModel.objects.of_market(name, name=name)


@pytest.mark.parametrize(
    ("opened", "source", "state"),
    [
        (HOUR, "coingecko", State.FRESH),
        (2 * HOUR, "coingecko", State.FRESH),
        (2 * HOUR + timedelta(minutes=1), "coingecko", State.WAITING),
        (2.5 * HOUR, "coingecko", State.WAITING),
        (2.5 * HOUR + timedelta(minutes=1), "coingecko", State.STALE),
        (100 * HOUR, "csv", State.ENDED),
        (None, "coingecko", State.EMPTY),
    ],
)
def test_a_market_is_as_fresh_as_its_next_candle_lets_it_be(opened, source, state):
    market(opened=opened, source=source)
    assert [found for found, _ in by_state(NOW)] == [state]


def test_those_that_need_somebody_lead():
    market("aaa-usd-1h", opened=HOUR)
    market("bbb-usd-1h", opened=5 * HOUR)
    market("ccc-usd-1h", opened=9 * HOUR)
    market("ddd-usd-1h", opened=None)
    assert [each.name for _, each in by_state(NOW)] == ["ccc-usd-1h", "bbb-usd-1h", "ddd-usd-1h", "aaa-usd-1h"]


def test_a_row_says_what_is_missing_quarantined_and_failed(admin_client):
    made = market(opened=5 * HOUR, candles=10)
    Candle.objects.filter(market=made, opened_at=NOW - 7 * HOUR).delete()
    Candle.objects.filter(market=made, opened_at=NOW - 8 * HOUR).update(suspect="outlier")
    FetchState.objects.create(market=made, error="the provider answered 429")
    Outcome.objects.create(market=made, as_of=NOW - 8 * HOUR, horizon=1, matures_at=NOW - 6 * HOUR)
    MissedForecast.objects.create(
        model=model_of("eth-usd-1h"),
        first_as_of=NOW - 3 * HOUR,
        last_as_of=NOW - HOUR,
        closes=3,
        reason="stale",
    )
    shown = page(admin_client)
    assert "the provider answered 429" in shown
    assert "2026-11-23 06:00" in shown  # when it closed
    assert "4 hours" in shown
    assert "2.67" in shown  # of an hour and its half
    assert '<td class="cm-right cm-warn">1</td><td class="cm-right cm-warn">1</td>' in shown
    assert '<td class="cm-right cm-bad">3</td><td class="cm-fit">2026-11-23 04:00</td>' in shown
    assert "due 2026-11-23 04:00 UTC" in shown


def test_forecasts_missed_longer_ago_than_a_day_are_past(admin_client):
    market(opened=HOUR)
    told = {"first_as_of": NOW, "last_as_of": NOW, "closes": 3, "reason": "stale"}
    MissedForecast.objects.create(model=model_of("eth-usd-1h"), **told, created_at=NOW - 25 * HOUR)
    assert "24 hours</dt><dd>none" in page(admin_client)


def test_no_market_is_said(admin_client):
    assert "There are no markets yet" in page(admin_client)


def test_a_thousand_markets_take_the_queries_of_ten_and_are_paged(admin_client, django_assert_max_num_queries):
    Market.objects.bulk_create(
        Market(name=f"c{n:04}-usd-1h", coin=f"c{n:04}", currency="usd", interval="1h", source="coingecko")
        for n in range(1_000)
    )
    markets = list(Market.objects.all())
    Candle.objects.bulk_create(Candle(market=each, opened_at=NOW - 5 * HOUR, close=1.0) for each in markets)
    with django_assert_max_num_queries(12):
        shown = page(admin_client, p=2)
    assert "page 2 of 20, 1000 markets" in shown
    assert shown.count('<th scope="row"') == 50
    assert "c0050-usd-1h" in shown


def test_who_may_not_see_markets_may_not_see_it(client, django_user_model):
    user = django_user_model.objects.create_user("viewer", is_staff=True)
    client.force_login(user)
    assert client.get(PAGE).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_market"))
    assert client.get(PAGE).status_code == 200
