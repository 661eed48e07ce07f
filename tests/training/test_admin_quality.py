"""Quality of the data in the admin: told on the market's page, and a suspect candle cleared by a person."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from tests.factories import make_market
from tests.training.market_data.test_mark_suspects import AT, candles_of, leapt, walk
from training.market_data.store import store_candles

pytestmark = pytest.mark.django_db


@pytest.fixture
def market(set_clock):
    made = make_market("bitcoin-usd-1h")
    candles = candles_of(leapt(walk(), AT))
    store_candles(made, candles[:50] + candles[53:])
    store_candles(made, candles_of([walk()[9] * 1.001], first=9))
    return made


def text(answer):
    return " ".join(answer.content.decode().split())


def page_of(row):
    return reverse(f"admin:training_{row._meta.model_name}_change", args=[row.pk])


def clear_of(candle):
    return reverse("admin:training_candle_clear", args=[candle.pk])


def test_a_markets_page_tells_every_fault(admin_client, market):
    shown = text(admin_client.get(page_of(market)))
    assert "No answer from the newest candles: the newest candle of bitcoin-usd-1h closed" in shown
    assert "3 in 1 gap" in shown
    assert "2024-01-03 02:00" in shown
    assert f'href="{page_of(market.candles.suspect().get())}">2024-01-09 08:00</a>' in shown
    assert market.candles.get(revision=1).first_seen_sha256 in shown


def test_of_good_data_the_page_says_so(admin_client, set_clock):
    set_clock("2024-01-13T12:20:00Z")
    market = make_market("bitcoin-usd-1h")
    store_candles(market, candles_of(walk()))
    shown = text(admin_client.get(page_of(market)))
    assert "Answers can be given from the newest candles." in shown
    assert "none in between" in shown
    assert "Suspect candles, newest first" not in shown


def test_a_suspect_candle_is_cleared_by_its_button_with_a_reason(admin_client, market):
    candle = market.candles.suspect().get()
    assert f'href="{clear_of(candle)}"' in text(admin_client.get(page_of(candle)))
    assert admin_client.get(clear_of(candle)).status_code == 200
    assert "This field is required" in text(admin_client.post(clear_of(candle), {"reason": " "}))
    assert market.candles.suspect().exists()
    shown = text(admin_client.post(clear_of(candle), {"reason": "two exchanges had it"}, follow=True))
    assert "is cleared" in shown
    assert "user:admin: two exchanges had it" in shown
    assert f'href="{clear_of(candle)}"' not in shown
    assert not market.candles.suspect().exists()
    assert "there is nothing to clear" in text(admin_client.post(clear_of(candle), {"reason": "again"}))


def test_staff_who_may_only_look_do_not_clear(client, django_user_model, market):
    anna = django_user_model.objects.create_user("anna", is_staff=True)
    anna.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(anna)
    candle = market.candles.suspect().get()
    assert f'href="{clear_of(candle)}"' not in text(client.get(page_of(candle)))
    assert [client.get(clear_of(candle)).status_code, client.post(clear_of(candle)).status_code] == [403, 403]


def test_without_the_token_nothing_is_cleared(admin_user, market):
    client, candle = Client(enforce_csrf_checks=True), market.candles.suspect().get()
    client.force_login(admin_user)
    assert client.post(clear_of(candle), {"reason": "so it was"}).status_code == 403
    assert market.candles.suspect().exists()


def test_the_list_of_candles_finds_the_suspect_ones(admin_client, market):
    page = admin_client.get(reverse("admin:training_candle_changelist"), {"suspect__exact": "outlier"})
    assert [candle.suspect for candle in page.context["cl"].result_list] == ["outlier"]


def test_a_candles_page_shows_the_hash_of_what_it_said_first(admin_client, market):
    candle = market.candles.get(revision=1)
    assert candle.first_seen_sha256 in text(admin_client.get(page_of(candle)))
