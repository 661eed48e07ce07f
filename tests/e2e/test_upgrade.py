"""Today's code takes over what the oldest release left: its data, its answers, its bundles, its ledger."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from cryptoml_site.embedded.home import Home
from tests.cryptoml_site.conftest import eventually
from tests.cryptoml_site.sites import checkout, manage, site_up

FIRST = "a30de82"  # the first commit whose `make up` answers predictions

pytestmark = pytest.mark.long
LEDGER = """
SELECT generation, model_id, kind, from_version_id, to_version_id, actor, reason, created_at
    FROM registry_deployment ORDER BY generation
"""
LOG = "SELECT id, made_at, version_id, vector, probability_up, direction FROM predictions_prediction ORDER BY id"


@pytest.fixture
def home():
    folder = Path(tempfile.mkdtemp(dir=os.environ["CRYPTOML_HOME"]))
    folder.chmod(0o711)
    yield Home(folder / "home")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def first_release(tmp_path):
    code = checkout(FIRST, tmp_path / "code")
    if code is None:
        pytest.skip(f"this clone does not reach back to {FIRST}: fetch all of its history")
    return code


def test_todays_code_goes_on_with_the_data_of_the_first_release(home, first_release):
    with site_up(home, code=first_release, COINGECKO_URL="http://127.0.0.1:9/api/v3") as old:
        answers = [old.predict() for _ in range(20)]
        ledger, log = old.rows(LEDGER), old.rows(LOG)
    assert len(log) >= 20
    with site_up(home) as new:
        assert new.rows(LEDGER)[: len(ledger)] == ledger
        assert set(map(repr, log)) <= set(map(repr, new.rows(LOG)))
        again = new.predict()
        assert (again["version"], again["probability_up"]) == (answers[0]["version"], answers[0]["probability_up"])
        for answer in answers:
            found = new.ask("GET", f"/predictions/{answer['id']}").json()
            assert (found["id"], found["probability_up"]) == (answer["id"], answer["probability_up"])
            assert new.ask("GET", f"/predictions/{answer['id']}/lineage").status_code == 200
        replayed = manage(home, "replay", *[answer["id"] for answer in answers])
        assert replayed.returncode == 0, replayed.stdout
        assert eventually(lambda: manage(home, "doctor").returncode == 0, seconds=120)  # once its workers are up
