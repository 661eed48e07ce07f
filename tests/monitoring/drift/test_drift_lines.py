"""logs/drift_events.jsonl: a line for each change of an incident, at least once, each with an id."""

import json
import os
import time

import pytest

from monitoring.drift import lines
from monitoring.drift.lines import path, write_lines
from monitoring.models import DriftCheck, DriftEvent, DriftLine
from tests.factories import make_version

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _home(settings, tmp_path):
    settings.CRYPTOML_HOME = tmp_path


@pytest.fixture
def event(set_clock):
    version = make_version()
    check = DriftCheck.objects.create(model=version.model, asked_by="user:anna")
    return DriftEvent.objects.create(
        model=version.model,
        version=version,
        channel="distribution",
        sentence="the features moved",
        opened_at=check.asked_at,
        first_check=check,
        last_check=check,
    )


def told():
    return [json.loads(line) for line in path().read_text().splitlines()]


def test_each_change_of_an_incident_is_a_line_and_no_line_comes_twice(event, set_clock):
    write_lines()
    set_clock("2026-11-23T11:00:00Z")
    event.acknowledge(actor="user:anna", note="seen")
    write_lines()
    set_clock("2026-11-23T12:00:00Z")
    event.close(actor="user:berta", note="mended")
    assert (write_lines(), write_lines()) == (1, 0)
    rows = told()
    assert [(row["event"], row["at"][11:16], row["by"]) for row in rows] == [
        ("opened", "10:00", None),
        ("acknowledged", "11:00", "user:anna"),
        ("closed", "12:00", "user:berta"),
    ]
    assert {row["model"] for row in rows} == {"bitcoin-usd-1d"}
    assert len({row["id"] for row in rows}) == 3


def test_what_happened_since_the_last_look_is_in_its_order(event, set_clock):
    set_clock("2026-11-23T11:00:00Z")
    event.acknowledge(actor="user:anna")
    event.close(actor="user:anna", note="mended")
    assert write_lines() == 3
    assert told()[0]["event"] == "opened"


def test_a_kill_between_line_and_note_writes_it_again_under_the_same_id(event, monkeypatch):
    def killed(rows):
        raise KeyboardInterrupt

    monkeypatch.setattr(DriftLine.objects, "bulk_create", killed)
    with pytest.raises(KeyboardInterrupt):
        write_lines()
    monkeypatch.undo()
    write_lines()
    first, again = told()
    assert first["id"] == again["id"]


def test_a_day_has_a_file_of_its_own(event):
    path().parent.mkdir(parents=True)
    path().write_text("yesterday's\n")
    moment = time.time() - 86_400
    os.utime(path(), (moment, moment))
    write_lines()
    [older] = path().parent.glob("drift_events.jsonl.*")
    assert (older.read_text(), len(told())) == ("yesterday's\n", 1)


def test_after_half_a_line_the_next_begins_anew(event):
    path().parent.mkdir(parents=True)
    path().write_bytes(b'{"id": "torn')
    write_lines()
    torn, whole = path().read_text().splitlines()
    assert torn == '{"id": "torn'
    assert json.loads(whole)["event"] == "opened"


def test_a_disk_that_takes_no_more_leaves_the_line_to_be_written(event, monkeypatch):
    monkeypatch.setattr(lines.os, "write", lambda file, text: 3)
    with pytest.raises(OSError, match="takes no more"):
        write_lines()
    monkeypatch.undo()
    assert write_lines() == 1
