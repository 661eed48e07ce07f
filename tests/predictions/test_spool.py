"""The spool: what was kept on disk comes into the log once, whatever happened to the file or to its process."""

import json
import logging
import os
import signal
import stat
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from predictions.log import Durability
from predictions.log.postgres import PatientConnection
from predictions.log.rows import COLUMNS, copied
from predictions.log.spool import DAMAGED, HEAD, REFUSED, SUFFIX, Record, Spool, SpoolFile
from predictions.models import Prediction
from registry.models import Policy
from tests.predictions.rows_of_the_log import (
    PLENTY,
    SERVING,
    answers,
    answers_of_an_older_release,
    ids_of,
    log_in,
    postgres_away,
    record_of,
    refused_answers,
    stored,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def log(tmp_path):
    with log_in(tmp_path / "spool") as made:
        yield made


def left_behind(folder, many, *, head=HEAD):
    """The file of a process that died, with a record for each of many."""
    folder.mkdir(exist_ok=True)
    path = folder / f"dead{SUFFIX}"
    path.write_bytes(head + b"".join(record_of(made).as_bytes() for made in many))
    return path


def files(folder):
    return sorted(path.suffix for path in folder.iterdir())


def test_what_was_set_aside_comes_into_the_log_and_the_file_goes(log):
    many = [answers(), answers([0.1, 0.9] * 200), answers()]
    log.spool.append([record_of(made) for made in many[:2]])
    log.spool.append([record_of(many[2])])
    assert (log.spool.rows, stored()) == (402, [])
    log.replayer.turn()
    assert (log.spool.rows, stored()) == (0, ids_of(many))
    assert files(log.spool.folder) == []


def test_while_postgres_is_away_answers_go_to_the_spool_and_all_come_once_it_is_back(log, monkeypatch):
    many = [answers() for _ in range(20)]
    with monkeypatch.context() as patch:
        patch.setattr(PatientConnection, "connect", postgres_away)
        assert {log.write(made) for made in many} == {Durability.SPOOL}
        log.start()
        time.sleep(0.6)
        assert stored() == []
    deadline = time.monotonic() + 5
    while len(stored()) < 20 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert stored() == ids_of(many)
    assert not log.answers.away.is_set()


def test_rows_whose_commit_was_not_confirmed_are_not_doubled(log, monkeypatch):
    copy_rows, made = PatientConnection.copy_rows, answers([0.5, 0.6])

    def commit_and_lose_the_answer(self, payload, *statement):
        copy_rows(self, payload, *statement)
        self.close()
        copy_rows(self, payload, *statement)

    with monkeypatch.context() as patch:
        patch.setattr(PatientConnection, "copy_rows", commit_and_lose_the_answer)
        assert log.write(made) is Durability.SPOOL
    assert stored() == ids_of([made])
    log.replayer.turn()
    assert stored() == ids_of([made])
    assert files(log.spool.folder) == []


def test_a_commit_that_comes_after_the_replay_began_doubles_nothing(log):
    made = answers()
    log.spool.append([record_of(made)])
    with PatientConnection.open(deadline=5.0) as late, late.transaction():
        late.copy_rows(copied([record_of(made).rows]))
        log.replayer.start()
        time.sleep(0.5)  # the replay waits for what the slow commit will say
    log.replayer.stop()
    log.replayer.join(5)
    assert stored() == ids_of([made])
    assert files(log.spool.folder) == []


def test_a_file_that_is_replayed_twice_stores_nothing_twice(log):
    many = [answers() for _ in range(3)]
    for _ in range(2):
        left_behind(log.spool.folder, many)
        log.replayer._looked = -100.0
        log.replayer.turn()
    assert stored() == ids_of(many)
    assert files(log.spool.folder) == []


@pytest.fixture(scope="module")
def three():
    """Three records, and how many bytes each has."""
    records = [record_of(answers([0.25, 0.75])) for _ in range(3)]
    return records, [len(record.as_bytes()) for record in records]


def test_a_tail_that_is_torn_at_any_byte_is_dropped_and_what_precedes_is_read(tmp_path, three):
    records, lengths = three
    whole = HEAD + b"".join(record.as_bytes() for record in records)
    path = tmp_path / f"torn{SUFFIX}"
    for cut in range(1, lengths[2] + 1):
        path.write_bytes(whole[:-cut])
        file = SpoolFile.take(path)
        assert (list(file.records()), file.damage) == (records[:2], None)
        file.close()


def test_a_head_that_is_torn_at_any_byte_holds_nothing(tmp_path):
    path = tmp_path / f"torn{SUFFIX}"
    for length in range(len(HEAD)):
        path.write_bytes(HEAD[:length])
        file = SpoolFile.take(path)
        assert (file.columns(), file.damage) == (None, None)
        file.close()


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_one_wrong_bit_is_never_read_as_a_row_nor_thrown_away(tmp_path, three, data):
    records, _ = three
    whole = bytearray(HEAD + b"".join(record.as_bytes() for record in records))
    place = data.draw(st.integers(len(HEAD), len(whole) - 1))
    whole[place] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path / f"wrong{SUFFIX}"
    path.write_bytes(whole)
    file = SpoolFile.take(path)
    found = list(file.records())
    file.close()
    assert found == records[: len(found)]
    assert len(found) < 3
    assert file.damage


def test_a_damaged_file_is_kept_for_people_and_what_precedes_is_stored(log, caplog):
    many = [answers() for _ in range(3)]
    path = left_behind(log.spool.folder, many)
    data = bytearray(path.read_bytes())
    data[len(HEAD) + len(record_of(many[0]).as_bytes()) + 40] ^= 1
    path.write_bytes(data)
    log.replayer.turn()
    assert stored() == ids_of(many[:1])
    assert files(log.spool.folder) == [DAMAGED]
    assert path.with_suffix(DAMAGED).read_bytes() == bytes(data)
    assert any(told.levelno == logging.ERROR and "is damaged" in told.message for told in caplog.records)


@pytest.mark.parametrize(
    "head",
    [b"\x00" * 40 + b"\n", b"nonsense\n", b"[1]\n", b'{"columns": 1, "format"\n', b"\xff\n", b"[" * 100_000 + b"\n"],
)
def test_a_file_whose_head_cannot_be_read_keeps_nobody_from_the_others(log, head):
    made = answers()
    left_behind(log.spool.folder, [answers()], head=head)
    log.spool.append([record_of(made)])
    log.answers.away.set()
    log.replayer.turn()
    assert stored() == ids_of([made])
    assert files(log.spool.folder) == [DAMAGED]
    assert not log.answers.away.is_set()


def test_a_file_of_columns_that_are_unknown_here_stays_and_keeps_nobody_from_the_others(log, caplog):
    made = answers()
    left_behind(log.spool.folder, [answers()], head=json.dumps({"columns": "id, of_a_newer_release"}).encode() + b"\n")
    log.spool.append([record_of(made)])
    log.answers.away.set()
    log.replayer.turn()
    assert stored() == ids_of([made])
    assert files(log.spool.folder) == [SUFFIX]
    assert not log.answers.away.is_set()
    assert "stays in the spool" in caplog.text


@pytest.mark.parametrize("unknown", [["novelty"], ["novelty", "reference"]])
def test_a_file_of_an_older_release_with_fewer_columns_is_replayed(log, unknown):
    made, head, rows = answers_of_an_older_release(*unknown)
    path = left_behind(log.spool.folder, [], head=head)
    path.write_bytes(path.read_bytes() + Record(rows, 1).as_bytes())
    log.replayer.turn()
    found = Prediction.objects.get()
    assert (found.id, found.reference, found.vector) == (made.ids[0], "", made.X[0].tolist())
    assert (found.novelty, found.direction) == (None, "up")


def test_an_answer_that_abstained_comes_out_of_the_spool_as_one(log):
    strict = replace(SERVING, policy=Policy(novelty_limit=1.0, abstains=True))
    made = answers([0.9, 0.2, 0.6], novelty=[0.5, 1.5, 2.0], serving=strict)
    log.spool.append([record_of(made)])
    log.replayer.turn()
    rows = Prediction.objects.order_by("id")
    assert [row.direction for row in rows] == ["up", None, None]
    assert [row.novelty for row in rows] == [0.5, 1.5, 2.0]
    assert [row.probability_up for row in rows] == made.probability_up


def test_a_record_that_postgres_refuses_is_kept_and_those_around_it_are_stored(log, caplog):
    many = [answers() for _ in range(9)]
    refused = [refused_answers(), refused_answers(count=3)]
    left_behind(log.spool.folder, [*many[:4], refused[0], *many[4:], refused[1]])
    log.replayer.turn()
    assert stored() == ids_of(many)
    assert files(log.spool.folder) == [REFUSED]
    kept = SpoolFile.take(log.spool.folder / f"dead{REFUSED}")
    assert (kept.columns(), list(kept.records())) == (COLUMNS, [record_of(made) for made in refused])
    kept.close()
    assert log.replayer.refused == 4
    assert "refused by Postgres and kept" in caplog.text


def test_nobody_but_the_owner_may_read_any_of_it(log):
    before = os.umask(0)
    try:
        log.spool.append([record_of(refused_answers())])
        [own] = log.spool.folder.iterdir()
        assert stat.S_IMODE(own.stat().st_mode) == 0o600
        assert stat.S_IMODE(log.spool.folder.stat().st_mode) == 0o700
        log.replayer.turn()
        [kept] = log.spool.folder.iterdir()
        assert (kept.suffix, stat.S_IMODE(kept.stat().st_mode)) == (REFUSED, 0o600)
    finally:
        os.umask(before)


OTHER = """
import sys, time
import django
django.setup()
from pathlib import Path
from predictions.log.spool import Record, Spool
rows, count, folder = bytes.fromhex(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
spool = Spool(folder, limit=10_000_000)
spool.append([Record(rows, count)])
print("kept", flush=True)
time.sleep(60)
"""


@pytest.fixture
def other_process(log):
    """Another process that keeps a row in the same folder; its row."""
    made = answers()
    record = record_of(made)
    process = subprocess.Popen(
        [sys.executable, "-c", OTHER, record.rows.hex(), "1", str(log.spool.folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "kept\n"
    yield process, made
    process.kill()
    process.communicate()


def test_a_living_processs_file_is_its_own_and_a_dead_ones_is_replayed(log, other_process):
    process, theirs = other_process
    ours = answers()
    log.spool.append([record_of(ours)])
    log.replayer.turn()
    assert stored() == ids_of([ours])
    assert files(log.spool.folder) == [SUFFIX]
    process.send_signal(signal.SIGKILL)
    process.wait()
    log.replayer._looked = -100.0
    log.replayer.turn()
    assert stored() == ids_of([ours, theirs])
    assert files(log.spool.folder) == []


def test_two_processes_that_look_at_once_share_the_files_of_the_dead(tmp_path):
    for number in range(40):
        (tmp_path / f"{number}{SUFFIX}").write_bytes(HEAD)
    one, other = Spool(tmp_path, limit=PLENTY), Spool(tmp_path, limit=PLENTY)
    taken = [file for pair in zip(one.orphans(), other.orphans(), strict=False) for file in pair]
    names = [file.path.name for file in taken]
    for file in taken:
        file.close()
    assert len(set(names)) == len(names)
