"""A disk that takes no more: answers are refused, none that was given is lost, and the file stays readable."""

import errno
import os
import subprocess

import pytest

from cryptoml_site.errors import Unavailable
from predictions.log import Durability
from predictions.log.postgres import PatientConnection
from predictions.log.spool import SUFFIX
from tests.predictions.rows_of_the_log import answers, ids_of, log_in, postgres_away, record_of, stored

pytestmark = pytest.mark.django_db(transaction=True)
SMALL = 200_000  # bytes


@pytest.fixture
def log(tmp_path):
    with log_in(tmp_path / "spool") as made:
        made.answers.away.set()
        made.batches.away.set()
        yield made


def fail(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def refused(log, made):
    with pytest.raises(Unavailable) as told:
        log.write(made)
    return told.value.code


def half_then_fail(patch):
    """As a disk does that is nearly full: a part is taken, the next call is refused."""
    write, calls = os.write, []

    def write_half(descriptor, data):
        calls.append(data)
        return write(descriptor, data[: len(data) // 2]) if len(calls) % 2 else fail()

    patch.setattr("predictions.log.spool.os.write", write_half)


def sync_fails(patch):
    patch.setattr("predictions.log.spool.os.fdatasync", fail)


@pytest.mark.parametrize("fault", [half_then_fail, sync_fails])
@pytest.mark.parametrize("kept_before", [0, 3])
def test_a_full_disk_refuses_answers_and_tears_nothing(log, monkeypatch, fault, kept_before, caplog):
    given = [answers() for _ in range(kept_before)]
    for made in given:
        log.write(made)
    with monkeypatch.context() as patch:
        fault(patch)
        assert {refused(log, answers()) for _ in range(10)} == {"spool_refused"}
    given += [answers([0.3, 0.6]), answers()]
    assert {log.write(made) for made in given[kept_before:]} == {Durability.SPOOL}
    assert len(list(log.spool.folder.iterdir())) == 1, "and leaves no empty files behind"
    log.replayer.turn()
    assert stored() == ids_of(given)
    assert len([told for told in caplog.records if "are refused" in told.message]) == 1, "told once, not each time"


def test_a_file_that_cannot_be_made_leaves_nothing_behind(log, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("predictions.log.spool.os.write", fail)
        assert {refused(log, answers()) for _ in range(20)} == {"spool_refused"}
    assert list(log.spool.folder.iterdir()) == []
    assert log.write(answers()) is Durability.SPOOL


def test_behind_a_tear_that_cannot_be_taken_back_another_file_begins(log, monkeypatch):
    given = [answers(), answers()]
    log.write(given[0])
    with monkeypatch.context() as patch:
        half_then_fail(patch)
        patch.setattr("predictions.log.spool.os.ftruncate", fail)
        assert refused(log, answers()) == "spool_refused"
    log.write(given[1])
    assert len(list(log.spool.folder.iterdir())) == 2
    log.replayer.turn()
    assert stored() == ids_of(given)
    assert list(log.spool.folder.iterdir()) == []


def test_at_its_limit_the_spool_refuses_until_it_was_replayed(tmp_path):
    with log_in(tmp_path, limit=2_000) as log:
        log.answers.away.set()
        given = []
        while sum(path.stat().st_size for path in tmp_path.iterdir()) < 1_600:
            given.append(answers())
            log.write(given[-1])
        assert refused(log, answers([0.5] * 9)) == "spool_refused"
        log.replayer.turn()
        assert stored() == ids_of(given)
        assert log.write(answers()) is Durability.POSTGRES


def test_files_of_other_processes_count_towards_the_limit(tmp_path):
    (tmp_path / f"other{SUFFIX}").write_bytes(b"\x00" * 2_000)
    with log_in(tmp_path, limit=2_000) as log:
        log.answers.away.set()
        assert refused(log, answers()) == "spool_refused"


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system with room for few rows."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(folder)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount a file system of a test's own")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_really_full_refuses_answers_and_loses_none(tiny_disk, monkeypatch):
    with log_in(tiny_disk / "spool") as log:
        log.answers.away.set()
        monkeypatch.setattr(PatientConnection, "connect", postgres_away)
        given = fill(log)
        assert len(given) > 50
        assert refused(log, answers([0.5] * 50)) == "spool_refused"
        monkeypatch.undo()
        log.replayer.turn()
        assert stored() == ids_of(given)
        assert log.write(answers()) is Durability.POSTGRES


def fill(log):
    """Until the disk is full; what was kept."""
    given = []
    with pytest.raises(Unavailable, match="No space left"):
        keep_on(log, given)
    return given


def keep_on(log, given):
    while True:
        made = answers([0.5] * 9)
        log.write(made)
        given.append(made)


def test_a_record_of_the_full_disk_is_not_half_in_the_file(tiny_disk):
    with log_in(tiny_disk / "spool") as log:
        log.answers.away.set()
        given = fill(log)
        file = log.spool.detach()
        assert list(file.records()) == [record_of(made) for made in given]
        assert file.damage is None
        file.close()
