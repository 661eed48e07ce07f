"""What was backed up is there again, guards and all; or nothing has changed."""

import json
import signal
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import psycopg
import pytest
from django.core.management import call_command

from cryptoml_site.backups.archive import ArchiveWriter, BackupDamaged, checked
from cryptoml_site.embedded.home import SITE
from cryptoml_site.errors import Refused
from predictions.lineage import lineage_of
from predictions.models import Prediction
from registry.models import ModelVersion, RegisteredModel
from tests.factories import make_version

pytestmark = pytest.mark.xdist_group("backups")
WHO = {"actor": "user:operator", "reason": "tried"}
WRITTEN_ANEW = {"django_migrations"}  # by `migrate`, which follows


@pytest.fixture
def restored(empty, backup):
    empty.restore(backup)
    return empty


def test_every_row_and_every_file_is_there_again(full, restored):
    there, here = full.contents(), restored.contents()
    assert {table for table in there if here.get(table) != there[table]} - WRITTEN_ANEW == set()
    assert restored.files() == full.files()


def test_the_ledger_refuses_to_be_changed(restored):
    with restored.roles.connect(restored.roles.owner) as owner, pytest.raises(psycopg.Error, match="append-only"):
        owner.execute("UPDATE registry_deployment SET reason = 'another'")
    with restored.roles.connect(restored.roles.application) as ours, pytest.raises(psycopg.Error, match="denied"):
        ours.execute("UPDATE registry_deployment SET reason = 'another'")


def test_what_runs_as_the_owner_is_not_for_everybody(restored):
    with restored.roles.connect(restored.roles.stranger) as stranger, pytest.raises(psycopg.Error, match="denied"):
        stranger.execute("SELECT predictions_drop_partition('2020-01-01')")
    with restored.roles.connect(restored.roles.application) as ours:
        assert ours.execute("SELECT predictions_make_partition('2031-01-01')").fetchone() == (True,)


def test_answers_can_be_explained_and_computed_again(restored):
    with restored.ours():
        answer = Prediction.objects.latest("made_at")
        assert lineage_of(answer).version == answer.version
        call_command("replay", newest=30)


def test_life_goes_on(restored):
    """Sequences stand behind what they gave, and the application's role may do what it must."""
    with restored.ours():
        before = RegisteredModel.objects.get().generation()
        moved = make_version(probability_up=0.6).promote(**WHO)
        assert moved.generation > before
        assert moved.to_version.number == ModelVersion.objects.count()
        moved.to_version.verify()


def test_it_says_which_database_is_about_to_be_lost(full, restored, backup):
    with pytest.raises(Refused, match=r"holds \d+ tables: restore into an empty one, or say --replace"):
        restored.restore(backup)
    with pytest.raises(Refused, match="nothing was changed"):
        restored.restore(backup, replace=True, typed="another")
    with restored.ours():
        make_version(probability_up=0.6)
    restored.restore(backup, replace=True, typed=restored.roles.database)
    assert restored.contents()["registry_modelversion"] == full.contents()["registry_modelversion"]


def test_a_database_in_use_is_left_alone(empty, backup):
    with (
        empty.roles.connect(empty.roles.application),
        pytest.raises(Refused, match="1 other sessions use the database"),
    ):
        empty.restore(backup)
    assert untouched(empty)


def test_answers_that_wait_in_the_spool_are_not_lost(empty, backup):
    (empty.home / "spool").mkdir()
    (empty.home / "spool" / "a.rows").write_bytes(b"{}\n")
    with pytest.raises(Refused, match="answers wait for Postgres in"):
        empty.restore(backup)
    assert untouched(empty)


def test_what_was_served_before_is_forgotten(empty, backup):
    (empty.home / "state").mkdir()
    (empty.home / "state" / "serving.json").write_text("{}")
    empty.restore(backup)
    assert not (empty.home / "state" / "serving.json").exists()


def flip(data, place):
    altered = bytearray(data)
    altered[place] ^= 1
    return bytes(altered)


def member(data, name):
    with tarfile.open(fileobj=BytesIO(data)) as tar:
        return next(each for each in tar if each.name.endswith(name))


DAMAGE = {
    "a byte of the dump": lambda data: flip(data, member(data, "database.dump").offset_data + 5_000),
    "a byte of a model": lambda data: flip(data, member(data, "model.onnx").offset_data + 40),
    "a byte of the manifest": lambda data: flip(data, member(data, "manifest.json").offset_data + 40),
    "a byte of a header": lambda data: flip(data, member(data, "database.dump").offset + 10),
    "its last quarter": lambda data: data[: len(data) * 3 // 4],
    "its end": lambda data: data[: member(data, "manifest.sha256").offset],
    "all but nothing": lambda data: data[:100],
    "everything": lambda _: b"",
    "what it is": lambda _: b"\x7fELF" * 1_000,
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_file_changes_nothing(empty, backup, tmp_path, what):
    damaged = tmp_path / "damaged.tar"
    damaged.write_bytes(DAMAGE[what](backup.read_bytes()))
    with pytest.raises(BackupDamaged):
        empty.restore(damaged)
    assert untouched(empty)


def test_a_part_that_the_manifest_does_not_name_is_refused(empty, backup, tmp_path):
    manifest = checked(backup)
    with (tmp_path / "more.tar").open("wb+") as file:
        archive = ArchiveWriter(file)
        with archive.part("bundles/uploads/stowaway") as part:
            part.write(b"x")
        archive.seal(manifest)
    with pytest.raises(BackupDamaged, match="nothing was changed"):
        empty.restore(tmp_path / "more.tar")


def stranger(name, **what):
    entry = tarfile.TarInfo(name)
    for field, value in what.items():
        setattr(entry, field, value)
    return entry


STRANGERS = [
    stranger("bundles/link", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    stranger("bundles/itself", type=tarfile.SYMTYPE, linkname="itself"),
    stranger("bundles/../../out"),
    stranger("/etc/out"),
    stranger("bundles//etc/out"),
    stranger("bundles/pipe", type=tarfile.FIFOTYPE),
]


@pytest.mark.parametrize("entry", STRANGERS, ids=lambda entry: entry.name)
def test_what_no_backup_holds_is_refused_before_anything_is_written(empty, tmp_path, entry):
    with tarfile.open(tmp_path / "strange.tar", "w") as tar:
        tar.addfile(entry)
    with pytest.raises(BackupDamaged, match="is no part of a backup"):
        empty.restore(tmp_path / "strange.tar")
    assert untouched(empty)


def test_a_folder_is_no_backup(empty, tmp_path):
    with pytest.raises(Refused, match="cannot be read"):
        empty.restore(tmp_path)


def test_a_missing_file_is_said_to_be_missing(empty, tmp_path):
    with pytest.raises(Refused, match="there is no file"):
        empty.restore(tmp_path / "none.tar")


def test_the_backup_of_a_newer_release_is_refused(empty, backup, tmp_path):
    manifest = json.loads(checked(backup).as_bytes())
    manifest["migrations"].append("registry.9999_from_the_future")
    with tarfile.open(backup) as tar, (tmp_path / "newer.tar").open("wb+") as file:
        archive = ArchiveWriter(file)
        for each in tar:
            if not each.name.startswith("manifest"):
                with archive.part(each.name) as part:
                    part.copy(tar.extractfile(each))
        archive.seal(type(checked(backup)).from_bytes(json.dumps(manifest).encode()))
    with pytest.raises(Refused, match=r"of a newer release .* registry\.9999_from_the_future"):
        empty.restore(tmp_path / "newer.tar")
    assert untouched(empty)


def untouched(site):
    return site.contents() == {} and site.files() == []


@pytest.mark.parametrize("moment", ["in the middle of the dump", "before the commit", "before migrating"])
def test_a_killed_restore_leaves_the_old_or_the_new(full, restored, backup, moment):
    with restored.ours():
        make_version(probability_up=0.6)
    old, new = restored.contents(), full.contents()
    script = Path(__file__).with_name("killed_restore.py")
    done = subprocess.run(
        [sys.executable, str(script), str(backup), moment, restored.roles.database],
        env={**restored.environment(), "PYTHONPATH": str(SITE)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    left = new if moment == "before migrating" else old
    assert restored.contents()["registry_modelversion"] == left["registry_modelversion"]
    restored.restore(backup, replace=True, typed=restored.roles.database)
    assert restored.contents()["registry_modelversion"] == new["registry_modelversion"]
    with restored.ours():
        make_version(probability_up=0.6).promote(**WHO)
