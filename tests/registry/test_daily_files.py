"""Several processes write one file; at midnight one of them renames it, no line is lost, and none is in two."""

import fcntl
import logging
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest

from cryptoml_site.log_config import log_config
from registry import daily_files
from registry.daily_files import DailyFile

WRITE = """
import logging, sys
from pathlib import Path
from registry.daily_files import DailyFile
handler = DailyFile(Path(sys.argv[1]))
for number in range(2_000):
    handler.handle(logging.LogRecord("x", 20, "", 0, f"{sys.argv[2]} {number} " + "x" * 300, None, None))
"""
TODAY = datetime.now(UTC).date()


def age(path, days):
    moment = time.time() - days * 86_400
    os.utime(path, (moment, moment))


def write(handler, said):
    handler.handle(logging.LogRecord("x", logging.INFO, "", 0, said, None, None))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "logs" / "model_monitor.log"


@pytest.fixture
def handler(path):
    handler = DailyFile(path)
    yield handler
    handler.close()


def test_a_days_first_line_begins_a_new_file(path, handler, monkeypatch):
    write(handler, "yesterday's")
    age(path, 1)
    handler._day -= timedelta(days=1)  # as it is for a process that goes on past midnight
    write(handler, "today's")
    assert path.read_text() == "today's\n"
    assert path.with_name(f"{path.name}.{TODAY - timedelta(days=1)}").read_text() == "yesterday's\n"


def test_a_process_that_starts_later_does_not_rename_again(path, handler):
    write(handler, "one")
    age(path, 1)
    first, second = DailyFile(path), DailyFile(path)
    write(first, "two")
    write(second, "three")
    assert path.read_text() == "two\nthree\n"
    first.close()
    second.close()


def test_who_has_the_old_one_open_finds_the_new_one(path, handler):
    write(handler, "one")
    path.rename(path.with_name("elsewhere"))
    write(handler, "two")
    assert path.read_text() == "two\n"


def test_one_process_at_a_time_begins_a_day(path, handler):
    path.parent.mkdir()
    with path.with_name(f".{path.name}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        writer = Thread(target=write, args=[handler, "waits"])
        writer.start()
        writer.join(0.3)
        assert not path.exists()
    writer.join(10)
    assert path.read_text() == "waits\n"


def test_after_thirty_days_a_file_goes(path, handler):
    path.parent.mkdir()
    old, young = (path.with_name(f"{path.name}.{TODAY - timedelta(days=days)}") for days in (31, 30))
    for each in (old, young, path):
        each.write_text("x")
    age(path, 1)
    write(handler, "new")
    assert (old.exists(), young.exists()) == (False, True)


def test_no_line_of_several_processes_is_lost_or_mixed_while_the_day_changes(path):
    path.parent.mkdir()
    path.write_text("yesterday's\n")
    age(path, 1)
    writers = [subprocess.Popen([sys.executable, "-c", WRITE, str(path), str(name)]) for name in range(4)]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    lines = path.read_text().splitlines()
    assert sorted(map(str.split, lines)) == sorted([str(w), str(n), "x" * 300] for w in range(4) for n in range(2_000))
    assert path.with_name(f"{path.name}.{TODAY - timedelta(days=1)}").read_text() == "yesterday's\n"


def test_a_full_disk_stops_nobody(path, handler, monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)
    monkeypatch.setattr(daily_files.os, "write", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    write(handler, "lost")


def test_the_file_is_written_where_it_is_asked_for(tmp_path):
    told = log_config("json", tmp_path)
    assert told["loggers"]["cryptoml.requests"]["handlers"] == told["root"]["handlers"] == ["stderr", "monitor"]
    assert told["handlers"]["monitor"]["path"] == tmp_path / "model_monitor.log"
    assert "monitor" not in log_config("json", None)["handlers"]


@pytest.mark.parametrize(
    ("asked", "terminal", "formatter"),
    [("auto", True, "words"), ("auto", False, "json"), ("json", True, "json"), ("text", False, "words")],
)
def test_a_terminal_is_told_in_words_and_a_program_in_json(monkeypatch, asked, terminal, formatter):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    assert log_config(asked, None)["handlers"]["stderr"]["formatter"] == formatter
