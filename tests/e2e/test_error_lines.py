"""What a real worker writes of a task that fails."""

import json

import pytest

from cryptoml_site.celery import app
from monitoring.drift.queueing import CHECK
from predictions.models import ResponseMinute
from registry.request_ids import current_request_id
from tests.e2e.conftest import wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("celery")]


def test_a_failed_task_is_one_line_that_names_the_request_which_asked_for_it(bundles_of_the_home, worker):
    process = worker("monitoring")
    before = current_request_id.set("mine-1")
    sent = app.send_task(CHECK, ["no id"])
    current_request_id.reset(before)
    wait_for(lambda: ResponseMinute.objects.filter(route=CHECK).exists())
    wait_for(lambda: "ValueError" in process.log.read_text())
    told = [json.loads(line) for line in process.log.read_text().splitlines() if line.startswith("{")]
    [line] = [each for each in told if each["event"] == "error"]
    assert (line["task_id"], line["request_id"], line["exception"]) == (sent.id, "mine-1", "ValueError")
    assert process.log.read_text().count("Traceback") == 1
