"""Markets in the admin: added by a person, fetched now, and whose data it is."""

import re
from unittest.mock import patch

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from kombu.exceptions import OperationalError

from cryptoml_site.errors import Unavailable
from registry.models import RegisteredModel
from tests.predictions.conftest import client_with
from tests.training.market_data.shelf import Shelf
from tests.training.test_admin import text
from training.admin import fetching
from training.market_data.fetch import fetch_candles
from training.market_data.markets import claim_market
from training.models import Market

pytestmark = pytest.mark.django_db
ADD = reverse("admin:training_market_add")
LIST = reverse("admin:training_market_changelist")
BITCOIN = {"coin": "bitcoin", "currency": "usd", "interval": "1h", "source": "coingecko"}
LINK = '<a href="https://www.coingecko.com"'


@pytest.fixture(autouse=True)
def sent():
    """What was sent to the queue: the broker is outside."""
    with patch("training.fetch_queue.current_app.send_task") as send_task:
        yield send_task


@pytest.fixture
def market(set_clock):
    return claim_market("bitcoin-usd-1h", source="coingecko")


def page_of(market):
    return reverse("admin:training_market_change", args=[market.pk])


def fetch_of(market):
    return reverse("admin:training_market_fetch", args=[market.pk])


def test_a_market_is_made_and_fetched_by_a_worker(admin_client, coingecko, sent):
    answer = admin_client.post(ADD, BITCOIN, follow=True)
    market = Market.objects.get()
    assert (market.name, market.source) == ("bitcoin-usd-1h", "coingecko")
    assert RegisteredModel.objects.get().name == market.name
    assert "Done: bitcoin-usd-1h is made: Bitcoin (btc) from coingecko" in text(answer)
    sent.assert_called_once_with("data.fetch_market", [market.pk], countdown=0.0, expires=50.0)


def test_to_look_at_the_form_asks_nobody_and_makes_nothing(admin_client, coingecko):
    assert admin_client.get(ADD).status_code == 200
    assert (coingecko.asked, Market.objects.count()) == ([], 0)


def test_a_symbol_of_several_coins_is_offered_as_a_choice_and_nothing_is_made(admin_client, coingecko):
    shown = text(admin_client.post(ADD, {**BITCOIN, "coin": "btc"}))
    assert "2 coins are called &#x27;btc&#x27;" in shown
    offered = re.findall(r'<option value="([^"]*)" ?> ?([^<]*?) ?</option>', shown.partition('name="coin"')[2])
    assert offered[:3] == [
        ("", "choose one"),
        ("bitcoin", "bitcoin (btc, Bitcoin)"),
        ("batcat", "batcat (btc, batcat)"),
    ]
    assert not Market.objects.exists()
    admin_client.post(ADD, {**BITCOIN, "coin": "batcat"})
    assert Market.objects.get().name == "batcat-usd-1h"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"coin": "bitcion"}, "is one of these meant? bitcoin (btc, Bitcoin)"),
        ({"coin": ""}, "This field is required"),
        ({"currency": "usdt"}, "CoinGecko has no prices in &#x27;usdt&#x27;"),
        ({"interval": "1m"}, "CoinGecko has no candles of 1m"),
        ({"interval": "2h"}, "not one of the available choices"),
        ({"source": "os.path"}, "Write coingecko or ccxt:EXCHANGE."),
    ],
)
def test_what_there_is_not_is_said_beside_its_field(admin_client, coingecko, changes, said):
    assert said in text(admin_client.post(ADD, BITCOIN | changes))
    assert not Market.objects.exists()


def test_a_source_that_does_not_answer_is_a_sentence(admin_client, monkeypatch):
    def away(*_, **__):
        raise Unavailable("CoinGecko cannot be reached (no route to host)", code="source_unavailable")

    monkeypatch.setattr(fetching, "add_market", away)
    assert "CoinGecko cannot be reached (no route to host)" in text(admin_client.post(ADD, BITCOIN))


def test_fetch_now_asks_first_and_then_queues_it(admin_client, market, sent):
    assert f'href="{fetch_of(market)}"' in text(admin_client.get(page_of(market)))
    assert admin_client.get(fetch_of(market)).status_code == 200
    sent.assert_not_called()
    assert "a fetch of bitcoin-usd-1h is queued" in text(admin_client.post(fetch_of(market), follow=True))
    sent.assert_called_once_with("data.fetch_market", [market.pk], countdown=0.0, expires=50.0)


def test_without_the_broker_that_is_said(admin_client, market, sent):
    sent.side_effect = OperationalError("no route")
    assert "Valkey does not answer, so nothing was queued" in text(admin_client.post(fetch_of(market)))


def test_without_the_broker_a_market_is_made_all_the_same(admin_client, coingecko, sent):
    sent.side_effect = OperationalError("no route")
    assert "is made" in text(admin_client.post(ADD, BITCOIN, follow=True))


def test_a_market_of_csv_files_is_not_fetched(admin_client, set_clock, sent):
    market = claim_market("bitcoin-usd-1h", source="csv")
    assert fetch_of(market) not in text(admin_client.get(page_of(market)))
    assert "cannot be asked" in text(admin_client.post(fetch_of(market)))
    sent.assert_not_called()


def test_staff_who_may_only_look_neither_add_nor_fetch(client, django_user_model, market, sent):
    anna = django_user_model.objects.create_user("anna", is_staff=True)
    anna.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(anna)
    assert ADD not in text(client.get(LIST))
    assert [client.get(ADD).status_code, client.post(ADD, BITCOIN).status_code] == [403, 403]
    assert [client.get(fetch_of(market)).status_code, client.post(fetch_of(market)).status_code] == [403, 403]
    sent.assert_not_called()


def test_without_the_token_nothing_is_added_or_fetched(admin_user, market, sent):
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    ethereum = {**BITCOIN, "coin": "ethereum"}
    assert [client.post(ADD, ethereum).status_code, client.post(fetch_of(market)).status_code] == [403, 403]
    assert Market.objects.get() == market
    sent.assert_not_called()


def test_what_a_market_is_cannot_be_changed_and_it_is_not_deleted(admin_client, market):
    assert admin_client.post(page_of(market), {"coin": "ethereum"}).status_code == 403
    gone = reverse("admin:training_market_delete", args=[market.pk])
    assert admin_client.post(gone, {"post": "yes"}).status_code == 403
    assert Market.objects.get().coin == "bitcoin"


# --- how the last question went, and whose data it is ---


def test_a_market_says_when_its_source_was_asked_and_why_in_vain(admin_client, market, set_clock):
    assert "not asked yet" in text(admin_client.get(page_of(market)))
    with pytest.raises(Unavailable):
        fetch_candles(market, source=Shelf(breaks_after=0))
    set_clock("2026-11-23T10:00:30Z")
    said = "asked 30 seconds ago in vain: the shelf does not answer It is asked again at 2026-11-23 10:01:00 UTC."
    assert said in text(admin_client.get(page_of(market)))
    assert said in text(admin_client.get(LIST))
    fetch_candles(market, source=Shelf())
    set_clock("2026-11-23T10:05:30Z")
    assert "asked 5 minutes ago, and again at 2026-11-23 11:01:00 UTC" in text(admin_client.get(LIST))


def test_coingecko_is_named_where_its_data_is_shown(admin_client, market):
    for page in (LIST, page_of(market), reverse("admin:training_candle_changelist")):
        shown = text(admin_client.get(page))
        assert "Data provided by CoinGecko" in shown
        assert LINK in shown


def test_nobody_is_named_who_did_not_ask_for_it(admin_client, set_clock):
    market = claim_market("bitcoin-usd-1d", source="csv")
    assert "Data provided" not in text(admin_client.get(LIST)) + text(admin_client.get(page_of(market)))


def test_the_attribution_of_a_market_is_in_the_api(market):
    claim_market("ethereum-usd-1d", source="csv")
    claim_market("btc-usdt-1h", source="ccxt:binance")
    claim_market("gone-usd-1h", source="package.that.is.Gone")
    rows = client_with(["registry:read"]).get("/markets").json()["results"]
    assert {row["name"]: row["attribution"] for row in rows} == {
        "bitcoin-usd-1h": "Data provided by CoinGecko, https://www.coingecko.com",
        "ethereum-usd-1d": "",
        "btc-usdt-1h": "",
        "gone-usd-1h": "",
    }
