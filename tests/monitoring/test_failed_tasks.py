"""A task that failed is one line that names its request, and is counted for good."""

import json
import logging

import pytest
from celery import shared_task
from django.db import Error

from cryptoml_site.celery import name_the_request
from cryptoml_site.error_lines import errors
from cryptoml_site.log_lines import JsonLines
from monitoring.failed_tasks import FailedTasks, failed_tasks
from monitoring.metrics.retention import forget_counts
from predictions.models import ResponseMinute
from registry.request_ids import current_request_id
from tests.monitoring.metrics.conftest import NOON, client, count_everything, noon  # noqa: F401
from tests.monitoring.metrics.test_exposition import samples, total


class Unpicklable(Exception):
    def __init__(self, first, second):
        super().__init__(f"{first} and {second}")


@shared_task(name="tests.fails")
def fails(error):
    raise {"ours": Unpicklable("one", "two"), "value": ValueError("no such thing")}[error]


@pytest.fixture
def lines():
    told = []
    handler = logging.Handler()
    handler.emit = lambda record: told.append(json.loads(JsonLines().format(record)))
    errors.addHandler(handler)
    yield told
    errors.removeHandler(handler)


@pytest.fixture(autouse=True)
def _process_of_its_own():
    failed_tasks.__init__()


def run(error="value"):
    """As a worker runs it, by its own tracer."""
    fails.apply(args=[error], throw=False)


def test_it_is_one_line(db, lines):
    run()
    [line] = lines
    wanted = {"level": "error", "task": "tests.fails", "code": "task_failed", "exception": "ValueError"}
    assert line | wanted | {"message": "no such thing"} == line
    assert line["task_id"]
    assert "no such thing" in line["traceback"]


def test_it_names_the_error_that_was_raised(db, lines):
    run("ours")
    assert lines[0]["exception"].endswith("Unpicklable")
    assert lines[0]["message"] == "one and two"


def test_celery_itself_says_nothing_of_it(db, lines, caplog):
    run()
    assert [record for record in caplog.records if record.name == "celery.app.trace" and record.exc_info] == []


def test_a_task_bears_the_request_that_enqueued_it():
    before = current_request_id.set("mine-1")
    headers = {}
    name_the_request(headers=headers)
    current_request_id.reset(before)
    assert headers == {"request_id": "mine-1"}
    name_the_request(headers=(none := {}))
    assert none == {}


def test_it_is_counted_in_json_and_text_alike(noon, client):  # noqa: F811
    for error in ("value", "value", "ours"):
        run(error)
    count_everything()
    json_ = client.get("/metrics").json()
    found = samples(client)
    assert json_["task_failures"] == {"tests.fails": 3}
    assert total(found, "cryptoml_task_failures_total", task="tests.fails") == 3
    assert total(found, "cryptoml_http_response_seconds_count", route="tests.fails") == 0
    assert total(found, "cryptoml_http_errors_total", code="ValueError") == 0
    assert json_["requests"] == 0


def test_its_count_never_falls(noon, client):  # noqa: F811
    run()
    count_everything()
    noon("2028-01-01T00:00:00Z")
    count_everything()
    forget_counts()
    assert total(samples(client), "cryptoml_task_failures_total") == 1


def test_what_postgres_does_not_take_is_handed_in_later(db, monkeypatch):
    tasks = FailedTasks()
    tasks.record("data.roll_up", ValueError())
    with monkeypatch.context() as patch:
        patch.setattr(type(ResponseMinute.objects.all()), "put", lambda *args: (_ for _ in ()).throw(Error()))
        tasks.hand_in()
    assert not ResponseMinute.objects.exists()
    tasks.record("data.roll_up", ValueError())
    tasks.hand_in()
    tasks.hand_in()
    assert [(row.route, row.count) for row in ResponseMinute.objects.all()] == [("data.roll_up", 2)]
