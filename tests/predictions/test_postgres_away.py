"""Postgres away: answers go on for what this process knows, and everything else says so."""

import json
import os
import stat
import subprocess
import sys
from datetime import timedelta

import pytest
from django.db import OperationalError, connection

from cryptoml_site.clock import now
from cryptoml_site.errors import Unavailable
from predictions import log, state
from predictions.engine import Engine, engine
from predictions.keyring import KeyRing, keyring
from predictions.models import Prediction, Scope
from registry.bundles import ONNX
from registry.models import Policy
from tests.factories import alter, make_market, make_policy
from tests.predictions.conftest import client_with
from tests.predictions.rows_of_the_log import log_in, postgres_away
from training.features.classic import EXAMPLE

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _state_of_its_own(settings, tmp_path):
    settings.STATE_DIR = tmp_path / "state"


@pytest.fixture
def spooling(monkeypatch, tmp_path):
    """The log as it is while Postgres is away."""
    monkeypatch.setattr("predictions.log.postgres.PatientConnection.connect", postgres_away)
    with log_in(tmp_path / "spool") as away:
        monkeypatch.setattr(log, "write", away.write)
        yield away


@pytest.fixture
def asker(production):
    """A client whose key this process has read."""
    client = client_with(Scope.values)
    keyring.load()
    return client


def without_postgres(client, body=EXAMPLE):
    def refuse(execute, sql, params, many, context):
        raise OperationalError("connection refused")

    with connection.execute_wrapper(refuse):
        return client.post("/predict", body, format="json")


def code(response):
    return response.status_code, response.json()["errors"][0]["code"]


@pytest.mark.parametrize("body", [EXAMPLE, {"features": EXAMPLE}, {"model": "bitcoin-usd-1d", "features": EXAMPLE}])
def test_a_vector_from_the_client_is_answered_and_kept_in_the_spool(asker, spooling, body):
    response = without_postgres(asker, body)
    assert (response.status_code, response["CryptoML-Logged"]) == (200, "spool")
    [record] = _waiting(spooling)
    assert response.json()["id"].replace("-", "") in record.rows.hex()
    assert not Prediction.objects.exists()


def test_in_good_times_no_header_speaks_of_the_log(asker):
    assert "CryptoML-Logged" not in asker.post("/predict", EXAMPLE, format="json")


def test_stored_candles_cannot_be_had(asker, spooling):
    make_market(newest=now())
    response = without_postgres(asker, {"market": "bitcoin-usd-1d"})
    assert response.status_code == 503
    assert _waiting(spooling) == []


def test_a_model_that_is_not_served_cannot_be_told_from_one_that_does_not_exist(asker, spooling):
    assert without_postgres(asker, {"model": "another", "features": EXAMPLE}).status_code == 503


def test_a_key_that_was_made_since_cannot_be_told(asker, spooling):
    assert code(without_postgres(client_with(Scope.values))) == (503, "key_unconfirmed")
    asker.credentials(HTTP_X_API_KEY=f"{asker.key.prefix}.wrong")
    assert code(without_postgres(asker)) == (401, "unknown_key")
    asker.credentials(HTTP_X_API_KEY="nonsense")
    assert code(without_postgres(asker)) == (401, "malformed_key")


@pytest.mark.parametrize(("minutes", "told"), [(59, 200), (61, 503), (-61, 503)])
def test_keys_are_taken_as_last_read_for_an_hour(set_clock, asker, spooling, minutes, told):
    set_clock((now() + timedelta(minutes=minutes)).isoformat())
    response = without_postgres(asker)
    assert response.status_code == told
    if told != 200:
        assert code(response) == (503, "key_unconfirmed")


def test_a_key_that_expires_meanwhile_is_refused(set_clock, production, spooling):
    client = client_with(Scope.values)
    client.key.expires_at = now() + timedelta(minutes=10)
    client.key.save()
    keyring.load()
    assert without_postgres(client).status_code == 200
    set_clock((now() + timedelta(minutes=11)).isoformat())
    assert code(without_postgres(client)) == (401, "expired_key")


def test_what_the_key_may_not_do_it_may_not_do_now(production, spooling):
    client = client_with([Scope.METRICS_READ])
    keyring.load()
    assert without_postgres(client).status_code == 403


def started_anew():
    """An engine and a key ring as of a process that begins now, from the state file alone."""
    began, ring = Engine(), KeyRing()
    return began, ring, state.restore(began, ring)


def test_the_state_file_holds_what_is_needed_and_is_its_owners_alone(asker):
    state.save(engine.snapshot, keyring)
    assert stat.S_IMODE(state.path().stat().st_mode) == 0o600
    assert stat.S_IMODE(state.path().parent.stat().st_mode) == 0o700
    assert asker.secret not in state.path().read_text()
    began, ring, restored = started_anew()
    assert restored
    assert began.snapshot == engine.snapshot
    assert (ring.keys, ring.confirmed_at) == (keyring.keys, keyring.confirmed_at)


def test_the_state_file_holds_the_policies_and_how_old_versions_are(asker, production, set_clock):
    make_policy(production.model, max_age_days=7, when_expired="refuse", novelty_limit=2, when_novel="abstain")
    state.save(engine.refresh(), keyring)
    began, _, restored = started_anew()
    assert restored
    assert began.snapshot == engine.snapshot
    assert began.serving(None).policy == Policy(7, True, 2, True)
    set_clock((production.data_end + timedelta(days=7)).isoformat())
    with pytest.raises(Unavailable, match="expired"):
        began.serving(None)


def test_a_state_file_of_the_release_before_is_served_as_that_release_did(asker, production):
    state.save(engine.snapshot, keyring)
    written = json.loads(state.path().read_text())
    written["format"] = 2
    written.pop("policies")
    written["serving"][0]["version"].pop("learnt_until")
    state.path().write_text(json.dumps(written))
    began, ring, restored = started_anew()
    assert restored
    assert (began.serving(None).version.number, began.serving(None).policy) == (1, Policy())
    assert ring.keys == keyring.keys


def test_an_older_view_of_the_keys_never_replaces_a_newer_one(asker):
    state.save(engine.snapshot, keyring)
    older = KeyRing()
    older.put([], confirmed_at=keyring.confirmed_at - timedelta(seconds=5))
    state.save(engine.snapshot, older)
    assert started_anew()[1].keys == keyring.keys


def test_what_a_clock_wrote_that_was_wrong_is_replaced(asker, set_clock):
    ahead = KeyRing()
    ahead.put([], confirmed_at=now() + timedelta(days=400))
    state.save(engine.snapshot, ahead)
    keyring.load()
    state.save(engine.snapshot, keyring)
    assert started_anew()[1].keys == keyring.keys


def test_a_bundle_that_was_altered_meanwhile_is_not_served(asker, production, caplog):
    state.save(engine.snapshot, keyring)
    alter(production.bundle, ONNX)
    began, _, restored = started_anew()
    assert restored
    assert began.snapshot.serving == {}
    assert "sha256" in began.snapshot.problems["bitcoin-usd-1d"]


WRONG = ["", "{", "[]", "null", "7", '{"format": 1}', '{"format": 99}', "\x00" * 100, "[" * 200_000]
CHANGES = [
    {"keys": [{}]},
    {"keys": 7},
    {"keys": [{"expires_at": "soon"}]},
    {"serving": [{"version": {}}]},
    {"serving": None},
    {"confirmed_at": "yesterday"},
    {"confirmed_at": None},
    {"confirmed_at": "2026-11-23T10:00:00"},
]
CHANGES += [
    {"policies": {"bitcoin-usd-1d": one}}
    for one in (7, {"days": 7}, {"max_age_days": "7"}, {"max_age_days": -7}, {"novelty_limit": 0}, {"abstains": "no"})
]
CHANGES += [{"policies": None}]
A_KEY = {"pk": 1, "prefix": "abcdefgh", "secret_sha256": "0" * 64, "scopes": [], "rate_limit": None, "expires_at": None}
CHANGES += [
    {"keys": [A_KEY | one]} for one in ({"expires_at": "2026-11-23T10:00:00"}, {"rate_limit": "x"}, {"rate_limit": -5})
]
VERSION_CHANGES = [
    {"bundle": "../../../etc"},
    {"bundle": "x"},
    {"feature_names": ["price"]},
    {"learnt_until": "soon"},
    {"learnt_until": "2026-11-23T10:00:00"},
]


@pytest.mark.parametrize("written", WRONG)
def test_a_file_that_is_no_state_is_as_good_as_none(asker, written):
    state.save(engine.snapshot, keyring)
    state.path().write_text(written)
    assert not started_anew()[2]
    state.save(engine.snapshot, keyring)
    assert started_anew()[2], "and is replaced"


@pytest.mark.parametrize("change", CHANGES)
def test_a_state_of_another_shape_is_taken_up_in_no_part(asker, change, caplog):
    state.save(engine.snapshot, keyring)
    state.path().write_text(json.dumps(json.loads(state.path().read_text()) | change))
    began, ring, restored = started_anew()
    assert not restored
    assert (began.snapshot.serving, ring.confirmed_at) == ({}, None)
    state.save(engine.snapshot, keyring)
    assert started_anew()[2], "and is replaced"


@pytest.mark.parametrize("change", VERSION_CHANGES)
def test_a_version_is_not_taken_up_as_anything_but_what_its_bundle_says(asker, change, caplog):
    state.save(engine.snapshot, keyring)
    written = json.loads(state.path().read_text())
    written["serving"][0]["version"] |= change
    state.path().write_text(json.dumps(written))
    assert not started_anew()[2]


def test_a_folder_that_cannot_be_written_stops_nothing(asker, settings, tmp_path, caplog):
    (tmp_path / "file").write_text("")
    settings.STATE_DIR = tmp_path / "file"
    state.save(engine.snapshot, keyring)
    assert "cannot be written" in caplog.text


ASK = """
import json, sys
from io import BytesIO
from cryptoml_site.wsgi import application
def ask(path, body, key):
    sent = {"REQUEST_METHOD": "POST", "PATH_INFO": path, "CONTENT_TYPE": "application/json", "HTTP_X_API_KEY": key,
            "CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body), "HTTP_HOST": "localhost", "SERVER_NAME": "x",
            "SERVER_PORT": "80", "wsgi.url_scheme": "http", "REMOTE_ADDR": "127.0.0.1", "QUERY_STRING": ""}
    told = []
    said = b"".join(application(sent, lambda status, headers: told.extend([status, dict(headers)])))
    found = json.loads(said)
    return told[0][:3], told[1].get("CryptoML-Logged"), found.get("version") or found["errors"][0]["code"]
body, key = sys.argv[1].encode(), sys.argv[2]
print(json.dumps([ask("/predict", body, key), ask("/predict", b'{"market": "bitcoin-usd-1d"}', key)]))
"""


def ask_a_new_process(tmp_path, settings, secret):
    """What the web process answers that starts while nothing listens where Postgres should be."""
    nowhere = f"postgres://cryptoml@:5432/{str(tmp_path).replace('/', '%2F')}/cryptoml"
    env = {
        **os.environ,
        "CRYPTOML_HOME": str(tmp_path),
        "DATABASE_URL": nowhere,
        "REDIS_URL": f"unix://{tmp_path}/none",
    }
    (tmp_path / "static").mkdir(exist_ok=True)
    command = [sys.executable, "-c", ASK, json.dumps(EXAMPLE), secret]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_process_that_starts_meanwhile_serves_from_the_state_file(asker, settings, tmp_path):
    state.save(engine.snapshot, keyring)
    features, market = ask_a_new_process(tmp_path, settings, asker.secret)
    assert features == ["200", "spool", 1]
    assert market[0] == "503"


def test_a_process_that_starts_without_a_state_file_starts_and_says_503(asker, settings, tmp_path):
    features, _ = ask_a_new_process(tmp_path, settings, asker.secret)
    assert features == ["503", None, "key_unconfirmed"]


def _waiting(spooling):
    file = spooling.spool.detach()
    if file is None:
        return []
    records = list(file.records())
    file.remove()
    return records
