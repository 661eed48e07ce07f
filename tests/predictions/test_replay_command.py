"""Replay as people ask for it: at a shell, and by a button."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from cryptoml_site.clock import now
from cryptoml_site.errors import Invalid, Refused, Unknown
from predictions.from_candles import FromCandlesClass
from predictions.models import Prediction
from predictions.replay import ReplayClass
from tests.factories import make_market, make_model, make_prediction, make_version
from tests.predictions.answered import (
    CLASSIC,
    HOURLY,
    KINDS,
    LOGISTIC,
    ask,
    ask_for,
    revise,
    rows_like_the_markets,
    version_of,
)

pytestmark = pytest.mark.django_db
NEWEST = datetime(2026, 11, 22, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
A, IMPOSSIBLE, UNEXPLAINED = ReplayClass.A, ReplayClass.IMPOSSIBLE, ReplayClass.UNEXPLAINED


@pytest.fixture
def half():
    """A version that answers one half to the bit."""
    return make_version(probability_up=0.5)


def logged(version, probability=0.5, **facts):
    return make_prediction(made_at=facts.pop("made_at", now()), version=version, probability_up=probability, **facts)


@pytest.fixture
def revised(client, production, set_clock):
    """An answer from the newest candle, which was revised since."""
    market = make_market(newest=NEWEST)
    row = ask_for(client, {"market": market.name})
    revise(market, NEWEST, close=110.0)
    return row


def said_by(*arguments):
    out = StringIO()
    call_command("replay", *map(str, arguments), stdout=out)
    return out.getvalue()


def counted(out):
    """Answers by class, from the table."""
    cells = [[cell.strip() for cell in line.split("│")[1:3]] for line in out.splitlines() if line.startswith("│")]
    return {name: int(count.replace(",", "")) for name, count in cells if count != "0"}


def test_answers_named_by_id_are_told_in_full(revised):
    out = said_by(revised.id)
    assert f"{revised.id}  A, the same bits: {revised.probability_up!r} was answered, and is computed again" in out
    assert "the candle that opened at 2026-11-22 00:00 was revised at" in out
    assert "price 100.0 then, 110.0 now" in out
    assert (
        "the candles as they are now would be answered 0.75" in out
    )  # whatever they are: the version is a constant one
    assert counted(out) == {A: 1, FromCandlesClass.REVISED: 1}


def test_of_many_only_the_unexplained_are_told_and_the_command_fails(half):
    rows = [logged(half) for _ in range(5)]
    assert counted(said_by("--newest", 10)) == {A: 5}
    wrong = logged(half, 0.8)
    out = StringIO()
    with pytest.raises(Refused, match="1 answer is unexplained: see above") as refused:
        call_command("replay", newest=10, stdout=out)
    assert refused.value.code == "unexplained"
    assert str(wrong.id) in out.getvalue()
    assert not any(str(row.id) in out.getvalue() for row in rows)
    assert counted(out.getvalue()) == {A: 5, UNEXPLAINED: 1}


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_ten_thousand_answers_of_a_kind_are_replayed_by_one_command(client, set_clock, kind):
    version_of(kind)
    rows = rows_like_the_markets(9_000)
    for row in rows[:5_000]:
        ask(client, dict(zip(CLASSIC.names, row, strict=True)))
    for hours in range(1_000):
        ask(client, {"market": HOURLY, "as_of": (datetime(2026, 11, 23, 9, tzinfo=UTC) - hours * HOUR).isoformat()})
    alone = counted(said_by("--newest", 10_000))
    ask(client, {"rows": rows[5_000:]}, "/predict/batch")
    found = counted(said_by("--newest", 10_000))
    assert alone == {A: 6_000, FromCandlesClass.SAME: 1_000}
    assert found[A] + found.get(ReplayClass.B, 0) == 10_000
    assert found.get(ReplayClass.B, 0) == 0 or kind == LOGISTIC


def test_what_cannot_be_replayed_is_counted_apart_with_its_reason_and_is_no_failure(half):
    logged(half)
    for _ in range(2):
        logged(half, vector=[1.0])
    out = said_by("--newest", 10)
    assert counted(out) == {A: 1, IMPOSSIBLE: 2}
    assert f"2 cannot be replayed: {half} asks for 9 features, logged are 1" in out


def test_answers_are_chosen_by_number_model_and_time(half):
    others = make_version(model=make_model("other", default=False), probability_up=0.5)
    for days in (0, 1, 2):
        logged(half, made_at=now() - days * DAY)
        logged(others, made_at=now() - days * DAY)
    yesterday = f"{now() - 1.5 * DAY:%Y-%m-%dT%H:%M}"
    assert counted(said_by("--newest", 5)) == {A: 5}
    assert counted(said_by("--newest", 5, "--model", "other")) == {A: 3}
    assert counted(said_by("--since", yesterday)) == {A: 4}
    assert counted(said_by("--since", yesterday, "--model", "other", "--newest", 1)) == {A: 1}


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ([], Invalid, "say which answers"),
        (["--model", "bitcoin-usd-1d"], Invalid, "say which answers"),
        (["--newest", "0"], Invalid, "--newest is 0: ask for 1 or more"),
        (["--newest", "1", "--model", "nobody"], Unknown, "no model is called 'nobody'"),
        ([str(uuid4()), "--newest", "1"], Invalid, "not both"),
        (["01980000-0000-7000-8000-000000000000"], Unknown, "not in the log: 01980000-0000-7000-8000-000000000000"),
        (["yesterday"], CommandError, "invalid UUID value: 'yesterday'"),
        (["--since", "yesterday"], CommandError, "'yesterday' is no moment"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, error, said):
    with pytest.raises(error, match=said):
        said_by(*arguments)


def replay_of(row):
    return reverse("admin:predictions_prediction_replay", args=[row.pk])


def test_the_button_shows_the_answer_computed_again_and_changes_nothing(admin_client, revised):
    before = Prediction.objects.values().get()
    page = " ".join(admin_client.post(replay_of(revised)).content.decode().split())
    assert "<strong>A, the same bits</strong>" in page
    assert '<th scope="row">price</th><td>100.0</td><td>110.0</td>' in page
    assert "the candle that opened at 2026-11-22 00:00 was revised" in page
    assert Prediction.objects.values().get() == before


def test_an_unexplained_answer_raises_an_alarm_on_the_page(admin_client, half):
    page = admin_client.post(replay_of(logged(half, 0.8))).content.decode()
    assert 'data-tone="bad"' in page


def test_the_button_is_for_who_may_view_answers_by_post_with_the_token(admin_user, django_user_model, half):
    row = logged(half)
    boss = Client(enforce_csrf_checks=True)
    boss.force_login(admin_user)
    assert [boss.post(replay_of(row)).status_code, boss.get(replay_of(row)).status_code] == [403, 405]
    anna = django_user_model.objects.create_user("anna", is_staff=True)
    client = Client()
    client.force_login(anna)
    assert client.post(replay_of(row)).status_code == 403
    anna.user_permissions.add(Permission.objects.get(codename="view_prediction"))
    assert client.post(replay_of(row)).status_code == 200
    assert Client().post(replay_of(row)).status_code == 302


def test_an_answer_that_is_not_there_has_no_page(admin_client):
    gone = SimpleNamespace(pk="01980000-0000-7000-8000-000000000000")
    assert [admin_client.post(replay_of(gone)).status_code] == [404]
    assert admin_client.post(replay_of(SimpleNamespace(pk="nonsense"))).status_code == 404
