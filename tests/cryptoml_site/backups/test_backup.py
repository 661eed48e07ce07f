"""A backup is whole or not at all, of one moment, and holds every bundle that this moment names."""

import errno
import stat
import tarfile
from hashlib import sha256

import pytest

from cryptoml_site.backups import making
from cryptoml_site.backups.archive import checked
from cryptoml_site.errors import Refused
from registry.bundles import BundleAltered, verify_bundle
from registry.models import ModelVersion
from tests.factories import alter, make_version

pytestmark = pytest.mark.xdist_group("backups")
LOG = "predictions_prediction"


def test_it_names_each_part_with_its_hash(backup):
    manifest = checked(backup)
    with tarfile.open(backup) as tar:
        found = {member.name: sha256(tar.extractfile(member).read()).hexdigest() for member in tar}
    assert {name: part.sha256 for name, part in manifest.parts.items()}.items() < found.items()
    assert {"database.dump", "manifest.json", "manifest.sha256"} < set(found)


def test_it_says_what_it_is_of(full, backup):
    manifest = checked(backup)
    assert manifest.rows[LOG] == 30
    moves_by_now, _ = full.contents()["registry_deployment"]  # other tests, in any order, make more of them
    assert 0 < manifest.rows["registry_deployment"] <= moves_by_now
    assert "registry.0001_initial" in manifest.migrations
    assert (manifest.with_log, manifest.left_out, manifest.postgres) == (True, [], 18)


def test_every_file_of_every_bundle_is_in_it(full, backup):
    names = {name.rpartition("/")[2] for name in checked(backup).parts if name.startswith("bundles/")}
    assert names == set(full.files())


def test_only_its_owner_may_read_it(backup):
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600


def test_one_that_fails_leaves_no_file(full, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise Refused("the disk is full")

    monkeypatch.setattr(making, "_dump", fail)
    with pytest.raises(Refused, match="the disk is full"):
        full.backup(tmp_path / "site.tar")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_and_leaves_no_file(full, tmp_path, monkeypatch):
    def fill_the_disk(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(making, "_dump", fill_the_disk)
    with pytest.raises(Refused, match=r"site.tar was not written: .*No space left on device"):
        full.backup(tmp_path / "site.tar")
    assert list(tmp_path.iterdir()) == []


def test_two_that_name_one_file_do_not_meet_in_it(full, tmp_path, monkeypatch):
    dump, target = making._dump, tmp_path / "site.tar"

    def meanwhile(*arguments, **options):
        with pytest.raises(Refused, match="another backup is being written"):
            full.backup(target)
        assert not target.exists()
        dump(*arguments, **options)

    monkeypatch.setattr(making, "_dump", meanwhile)
    full.backup(target)
    assert checked(target)
    assert list(tmp_path.iterdir()) == [target]


def test_what_a_killed_one_left_is_in_nobodys_way(full, tmp_path):
    (tmp_path / ".site.tar.new").write_bytes(b"x" * 50_000_000)
    full.backup(tmp_path / "site.tar")
    assert checked(tmp_path / "site.tar")
    assert (tmp_path / "site.tar").stat().st_size < 50_000_000


def test_a_backup_is_never_written_over(full, backup):
    with pytest.raises(Refused, match="exists: name another file"):
        full.backup(backup)


def test_an_empty_database_is_no_site(empty, tmp_path):
    with pytest.raises(Refused, match=r"holds no tables of CryptoML"):
        empty.backup(tmp_path / "site.tar")


def test_the_applications_role_alone_is_told_whom_to_name(full, tmp_path):
    done = full.roles.manage("backup", "--out", str(tmp_path / "site.tar"))
    assert done.returncode == 1
    assert f"'{full.roles.owner}' owns the tables" in done.stderr
    assert "MIGRATE_DATABASE_URL" in done.stderr


def test_the_log_can_be_left_out(full, empty, tmp_path):
    manifest = full.backup(tmp_path / "site.tar", with_log=False)
    assert manifest.rows[LOG] == 0
    empty.restore(tmp_path / "site.tar")
    there, here = full.contents(), empty.contents()
    assert here[LOG][0] == 0
    assert here["registry_deployment"] == there["registry_deployment"]
    assert here["training_outcome"] == there["training_outcome"]


@pytest.fixture
def doubtful(full):
    """A version more, which is gone again afterwards."""
    with full.ours():
        version = make_version(probability_up=0.51)
        version.to_archive(actor="user:operator", reason="tried")
    yield version
    with full.ours():
        version.refresh_from_db()
        if version.purged_at is None:
            version.purge(actor="user:operator", reason="tried")


def test_an_altered_bundle_is_refused_or_left_out_by_word(full, doubtful, tmp_path):
    with full.ours():
        alter(doubtful.bundle, "model.onnx")
    with pytest.raises(Refused, match="--even-if-altered"):
        full.backup(tmp_path / "site.tar")
    manifest = full.backup(tmp_path / "site.tar", even_if_altered=True)
    assert manifest.left_out == [doubtful.bundle]
    assert checked(tmp_path / "site.tar")


def test_a_purge_meanwhile_makes_it_begin_again(full, doubtful, empty, tmp_path, monkeypatch):
    """The snapshot still names the bundle, whose files are gone."""

    def purged_before(bundle):
        doubtful.refresh_from_db()
        if doubtful.purged_at is None:
            doubtful.purge(actor="user:operator", reason="just now")
        return verify_bundle(bundle)

    monkeypatch.setattr(making, "verify_bundle", purged_before)
    full.backup(tmp_path / "site.tar")
    empty.restore(tmp_path / "site.tar")
    with empty.ours():
        assert ModelVersion.objects.get(pk=doubtful.pk).purged_at is not None
        for version in ModelVersion.objects.filter(purged_at=None):
            assert verify_bundle(version.bundle)
        with pytest.raises(BundleAltered):
            verify_bundle(doubtful.bundle)
