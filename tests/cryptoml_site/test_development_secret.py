import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from cryptoml_site.embedded.errors import ServersUnavailable
from cryptoml_site.embedded.secret import development_secret


def test_the_secret_is_made_once(tmp_path):
    made = development_secret(tmp_path / "home")
    assert len(made) >= 50
    assert development_secret(tmp_path / "home") == made != development_secret(tmp_path / "other")


def test_only_its_owner_reads_the_secret(tmp_path):
    development_secret(tmp_path)
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


def test_all_who_make_it_at_once_get_the_same(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(development_secret, [tmp_path] * 32))) == 1


def test_a_home_that_is_a_file_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "home").touch()
    with pytest.raises(ServersUnavailable, match=r"home is no folder: remove that file"):
        development_secret(tmp_path / "home")


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_home_that_cannot_be_written_is_refused_in_one_sentence(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ServersUnavailable, match=r"No write permission in .*home"):
        development_secret(tmp_path / "home")
