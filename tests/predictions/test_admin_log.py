"""The log by time, outcome and key, and as a file."""

import csv
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from cryptoml_site.clock import now
from predictions.admin import export
from predictions.models import ApiKey, Prediction
from tests.factories import make_market, make_prediction, make_version
from training.models import Outcome

pytestmark = pytest.mark.django_db

LOG = reverse("admin:predictions_prediction_changelist")
EXPORT = reverse("admin:predictions_prediction_export")


def shown(client, **query):
    return {row.pk for row in client.get(LOG, query).context["cl"].result_list}


def exported(client, **query):
    answer = client.get(EXPORT, query)
    assert answer.status_code == 200
    assert answer.streaming
    return list(csv.DictReader(StringIO(b"".join(answer.streaming_content).decode())))


def test_the_log_is_filtered_between_two_moments(admin_client):
    version = make_version()
    old, mid, new = (make_prediction(made_at=now() - timedelta(hours=hours), version=version) for hours in (30, 20, 10))
    at = {hours: f"{now() - timedelta(hours=hours):%Y-%m-%dT%H:%M}" for hours in (25, 15)}
    assert shown(admin_client, since=at[25]) == {mid.pk, new.pk}
    assert shown(admin_client, until=at[25]) == {old.pk}
    assert shown(admin_client, since=at[25], until=at[15]) == {mid.pk}
    assert shown(admin_client, since="", until="") == {old.pk, mid.pk, new.pk}


def test_what_is_no_moment_is_said_to_be_none(admin_client):
    make_prediction(made_at=now())
    answer = admin_client.get(LOG, {"since": "noon"})
    assert "is no moment: write it as" in answer.content.decode()
    assert not answer.context["cl"].result_list


def test_the_log_is_filtered_by_key(admin_client):
    key, _ = ApiKey.objects.issue(name="robot", scopes=[], created_by="user:tester")
    keyed = make_prediction(made_at=now(), key=key)
    make_prediction(made_at=now(), version=keyed.version)
    assert shown(admin_client, key__id__exact=key.pk) == {keyed.pk}


@pytest.fixture
def judged():
    """An answer of each kind of outcome, by its name."""
    market, version, at = make_market(), make_version(), now()
    figures = {"close_at_start": 1.0, "close_at_end": 1.0, "settled_at": at}
    rose = {"status": "settled", "log_return": 0.01, **figures}
    fell = {"status": "settled", "log_return": -0.01, **figures}
    flat = {"status": "settled", "log_return": 0.0, **figures}
    void, pending = {"status": "void", "void_reason": "hole"}, {"status": "pending"}
    cases = {
        "up and rose": ("up", [rose]),
        "up and fell": ("up", [fell]),
        "down and fell": ("down", [fell]),
        "down and flat": ("down", [flat]),
        "down and rose": ("down", [rose]),
        "up, fell, and was revised": ("up", [fell, rose]),
        "void": ("up", [void]),
        "pending": ("up", [pending]),
        "settled, then pending again": ("up", [rose, pending]),
        "no outcome": ("up", []),
    }
    rows = {}
    for day, (name, (direction, revisions)) in enumerate(cases.items()):
        as_of = at - timedelta(days=day)
        rows[name] = make_prediction(
            made_at=at, version=version, market=market.name, as_of=as_of, direction=Prediction.Direction(direction)
        ).pk
        for revision, facts in enumerate(revisions):
            Outcome.objects.create(market=market, as_of=as_of, horizon=1, matures_at=at, revision=revision, **facts)
    rows["of a client"] = make_prediction(made_at=at, version=version).pk
    return rows


@pytest.mark.parametrize(
    ("outcome", "names"),
    [
        ("right", {"up and rose", "down and fell", "down and flat", "up, fell, and was revised"}),
        ("wrong", {"up and fell", "down and rose"}),
        ("void", {"void"}),
        ("pending", {"pending", "settled, then pending again"}),
        ("none", {"no outcome", "of a client"}),
    ],
)
def test_the_log_is_filtered_by_how_answers_turned_out(admin_client, judged, outcome, names):
    assert shown(admin_client, outcome=outcome) == {judged[name] for name in names}


def test_the_file_holds_what_the_filters_leave_of_all_pages(admin_client, monkeypatch):
    monkeypatch.setattr(export, "CHUNK", 3)
    version = make_version()
    made = [make_prediction(made_at=now(), version=version).pk for _ in range(8)]
    make_prediction(made_at=now(), version=version, role="trial")
    assert [row["id"] for row in exported(admin_client, role__exact="production")] == [
        str(pk) for pk in sorted(made, reverse=True)
    ]


def test_a_line_says_who_asked_what_and_how_it_turned_out(admin_client, judged):
    rows = {row["id"]: row for row in exported(admin_client)}
    row = rows[str(judged["up and fell"])]
    assert (row["model"], row["version"], row["actor"]) == ("bitcoin-usd-1d", "1", "user:tester")
    assert (row["direction"], row["probability_up"], row["outcome"], row["log_return"]) == (
        "up",
        "0.75",
        "settled",
        "-0.01",
    )
    assert rows[str(judged["up, fell, and was revised"])]["log_return"] == "0.01"
    assert rows[str(judged["of a client"])]["outcome"] == ""


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\t=1", "\r=1"])
def test_a_text_that_a_spreadsheet_would_run_is_only_shown(admin_client, text):
    make_prediction(made_at=now(), reference=text)
    assert exported(admin_client)[0]["reference"] == f"'{text}"


def test_the_file_is_for_who_may_see_the_log(client, django_user_model):
    anna = django_user_model.objects.create_user("anna", is_staff=True)
    client.logout()
    assert Client().get(EXPORT).status_code == 302
    signed_in = Client()
    signed_in.force_login(anna)
    assert signed_in.get(EXPORT).status_code == 403
    anna.user_permissions.set(Permission.objects.filter(codename="view_prediction"))
    assert signed_in.get(EXPORT).status_code == 200
