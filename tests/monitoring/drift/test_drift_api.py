"""Drift over HTTP: the newest check, one more, and the incidents."""

import pytest
from kombu.exceptions import OperationalError
from rest_framework.test import APIClient

from cryptoml_site.clock import now
from monitoring.drift.findings import Channel, Findings, Found, Status
from monitoring.models import DriftCheck, DriftEvent
from predictions.models import Scope
from tests.factories import make_version
from tests.predictions.conftest import client_with

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(monkeypatch):
    """Ids of the checks that a worker was told of."""
    told = []
    monkeypatch.setattr("monitoring.drift.queueing.current_app.send_task", lambda task, args: told.append(args[0]))
    return told


@pytest.fixture
def model():
    return make_version().model


@pytest.fixture
def reader(db):
    return client_with([Scope.METRICS_READ])


@pytest.fixture
def asker(db):
    return client_with([Scope.DRIFT_WRITE])


def found(model, *statuses):
    """A check that is done, with the statuses of its channels in their order."""
    check = DriftCheck.objects.create(model=model, asked_by="user:anna")
    channels = {
        channel: Found(status, "said", over=status != "ok") for channel, status in zip(Channel, statuses, strict=False)
    }
    check.finish(model.versions.get(), Findings(channels, [], "candles", 30, None, None), at=now())
    check.refresh_from_db()
    return check


def code(response):
    return response.status_code, response.json()["errors"][0]["code"]


def test_before_the_first_check_nothing_was_run(reader, model):
    assert reader.get("/drift/check").json() == {"status": "not_run", "model": model.name}


def test_the_newest_check_of_a_model_is_told(reader, model):
    found(model, Status.ALERT, Status.OK, Status.OK, Status.NOT_CALIBRATED)
    newest = found(model, Status.OK, Status.ALERT, Status.OK, Status.NOT_CALIBRATED)
    told = reader.get(f"/api/v1/drift/check?model={model.name}").json()
    assert (told["id"], told["status"], told["drift_detected"], told["version"]) == (str(newest.pk), "alert", True, 1)
    assert told["channels"]["distribution"] == {"status": "alert", "over": True, "says": "said"}


def test_a_fault_of_the_data_is_no_drift(reader, model):
    found(model, Status.ALERT, Status.OK, Status.OK, Status.OK)
    told = reader.get("/drift/check").json()
    assert (told["status"], told["drift_detected"]) == ("alert", False)


def test_post_queues_a_check_once_and_tells_its_id(asker, model, sent):
    first, again = (asker.post("/drift/check", {"model": model.name}, format="json") for _ in range(2))
    assert (first.status_code, first.json()["status"]) == (202, "queued")
    assert first.json()["id"] == again.json()["id"]
    assert sent == [first.json()["id"]] * 2  # the message may have been lost; a check that is done is not done again
    assert DriftCheck.objects.get().asked_by == asker.key.label
    assert asker.get(f"/drift/check?id={sent[0]}").json()["status"] == "queued"


def test_without_a_queue_nothing_waits(asker, model, monkeypatch):
    def away(*_):
        raise OperationalError("refused")

    monkeypatch.setattr("monitoring.drift.queueing.current_app.send_task", away)
    assert code(asker.post("/drift/check", {}, format="json")) == (503, "queue_unavailable")
    assert not DriftCheck.objects.exists()


def test_without_a_queue_what_is_under_way_already_stays(asker, model, monkeypatch):
    def away(*_):
        raise OperationalError("refused")

    under_way = DriftCheck.objects.ask(model, actor="schedule:drift")
    monkeypatch.setattr("monitoring.drift.queueing.current_app.send_task", away)
    assert code(asker.post("/drift/check", {}, format="json")) == (503, "queue_unavailable")
    assert DriftCheck.objects.get() == under_way


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("model=none", (404, "unknown_model")),
        ("id=0199aaaa-0000-7000-8000-000000000000", (404, "unknown_check")),
        ("id=nonsense", (400, "invalid")),
        ("modle=x", (400, "invalid")),
    ],
)
def test_bad_input_is_refused_by_name(reader, model, query, told):
    assert code(reader.get(f"/drift/check?{query}")) == told


def test_who_may_read_may_not_ask(reader, model):
    assert code(reader.post("/drift/check", {}, format="json")) == (403, "missing_scope")
    assert APIClient().get("/drift/check").status_code == 401


def test_incidents_newest_first_and_by_state(reader, model):
    events = [DriftEvent.objects.follow(found(model, Status.ALERT))[0]]
    events[0].close(actor="user:anna", note="mended")
    events += DriftEvent.objects.follow(found(model, Status.ALERT, Status.ALERT))
    told = reader.get(f"/drift/events?model={model.name}").json()["results"]
    assert [each["state"] for each in told] == ["open", "open", "closed"]
    assert [each["channel"] for each in reader.get("/drift/events?state=closed").json()["results"]] == ["integrity"]
    assert code(reader.get("/drift/events?state=shut")) == (400, "invalid_choice")
    assert code(reader.get("/drift/events?limit=0")) == (400, "invalid")
