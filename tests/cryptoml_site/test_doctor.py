"""The doctor says what is wrong and what to do, tells no secret, and needs neither Postgres nor Valkey for it."""

import json
import os
import subprocess
import sys
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import override_settings
from django_celery_beat.models import PeriodicTask

from cryptoml_site.clock import now
from cryptoml_site.doctor import machine, valkey
from cryptoml_site.doctor.findings import Level
from cryptoml_site.doctor.postgres import examine_clock, examine_guard, examine_postgres
from cryptoml_site.doctor.site import (
    examine_bundles,
    examine_migrations,
    examine_partitions,
    examine_processes,
    examine_schedules,
)
from cryptoml_site.embedded.home import SITE
from monitoring.models import WorkerHeartbeat
from predictions.models import WebProcess
from predictions.partitions import ensure_partitions, month_start
from tests.factories import alter, make_version

NOWHERE = {
    "DATABASE_URL": "postgres://user:first-secret@127.0.0.1:1/site",
    "REDIS_URL": "redis://:second-secret@127.0.0.1:1/0",
    "SECRET_KEY": "third-secret" * 5,
    "COINGECKO_API_KEY": "fourth-secret",
    "BUNDLES_URL": "",
}


def levels(look):
    return {(found.level, found.about) for found in look()}


def sentences(look, level=Level.BAD):
    return " ".join(f"{found.sentence} {found.advice}" for found in look() if found.level is level)


def doctor(*options, **environment):
    command = [sys.executable, str(SITE / "manage.py"), "doctor", *options]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120)


def test_with_both_servers_away_it_looks_at_the_rest():
    done = doctor("--json", **NOWHERE)
    found = {(each["level"], each["about"]) for each in json.loads(done.stdout)}
    assert {("bad", "Postgres"), ("bad", "Valkey"), ("ok", "home"), ("ok", "settings")} <= found
    assert done.returncode == 1


def test_no_secret_is_told():
    told = [doctor(**NOWHERE), doctor("--json", **NOWHERE)]
    assert not [each for each in told if "secret" in (each.stdout + each.stderr).replace("secret_key", "")]


@pytest.mark.django_db
def test_a_site_that_is_well_has_nothing_bad(servers):
    ensure_partitions(months_ahead=1)
    for look in (examine_postgres, examine_guard, examine_clock, examine_migrations, examine_schedules):
        assert sentences(look) == ""
    assert levels(examine_partitions) == {(Level.OK, "partitions")}
    assert levels(valkey.examine_valkey) == {(Level.OK, "Valkey")}


@pytest.mark.django_db
def test_words_that_go_to_another_machine_unencrypted_are_told(monkeypatch):
    """However DATABASE_URL names it, this is where libpq went."""
    assert sentences(examine_postgres, Level.WARN) == ""
    monkeypatch.setattr("psycopg.ConnectionInfo.host", "10.0.0.7")
    assert "what goes to 10.0.0.7 is not encrypted" in sentences(examine_postgres, Level.WARN)


@pytest.mark.django_db
def test_a_ledger_without_its_trigger_is_bad():
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER the_ledger_is_append_only ON registry_deployment")
    assert "its trigger is gone" in sentences(examine_guard)


@pytest.mark.django_db
def test_functions_that_are_open_to_everybody_are_bad():
    with connection.cursor() as cursor:
        cursor.execute("GRANT EXECUTE ON FUNCTION predictions_drop_partition(date) TO PUBLIC")
    assert "everybody may call predictions_drop_partition" in sentences(examine_guard)


@pytest.mark.django_db
def test_a_migration_that_is_not_applied_is_bad():
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'monitoring'")
    assert "are not applied" in sentences(examine_migrations)


@pytest.mark.django_db
def test_a_month_of_the_log_that_is_not_made_is_told():
    next_month = month_start(now(), months_later=1)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS predictions_prediction_{next_month:%Y_%m}")
    assert "is not there" in sentences(examine_partitions, Level.WARN)


@pytest.mark.django_db
def test_a_schedule_that_is_off_or_gone_is_told():
    PeriodicTask.objects.filter(task="data.roll_up").update(enabled=False)
    assert "count the minute that ended" in sentences(examine_schedules, Level.WARN)
    PeriodicTask.objects.filter(task="data.roll_up").delete()
    assert "data.roll_up is not there" in sentences(examine_schedules)


@pytest.mark.django_db
def test_an_altered_bundle_in_production_is_bad():
    version = make_version()
    version.promote(actor="user:o", reason="first")
    assert levels(examine_bundles) == {(Level.OK, "bundles")}
    alter(version.bundle, "model.onnx")
    assert "model.onnx has sha256" in sentences(examine_bundles)


@pytest.mark.django_db
def test_a_duty_that_nobody_does_is_bad():
    assert "the site is stopped" in sentences(examine_processes, Level.WARN)
    web = WebProcess.objects.create(host="here", pid=1)
    WorkerHeartbeat.objects.create(name="worker", host="here", pid=2, duties=["data", "monitoring"])
    assert sentences(examine_processes) == ""
    assert "nobody does training, fetching, beat yet" in sentences(examine_processes, Level.WARN)
    WebProcess.objects.filter(pk=web.pk).update(started_at=now() - timedelta(minutes=2))
    assert "nobody does training, fetching, beat" in sentences(examine_processes)


@pytest.mark.django_db
def test_a_clock_that_is_driven_is_bad(set_clock):
    assert "CRYPTOML_CLOCK_FILE" in sentences(examine_clock)


def test_a_private_file_that_others_may_read_is_bad(tmp_path):
    secret = tmp_path / "secret_key"
    secret.touch(mode=0o644)
    secret.chmod(0o644)
    with override_settings(CRYPTOML_HOME=tmp_path):
        assert f"chmod 600 {secret}" in sentences(machine.examine_privacy)


def test_answers_that_wait_or_were_refused_are_told(tmp_path):
    (tmp_path / "a.rows").write_bytes(b"12345")
    (tmp_path / "b.refused").touch()
    with override_settings(SPOOL_DIR=tmp_path):
        assert "5 bytes of answers wait" in sentences(machine.examine_spool, Level.WARN)
        assert "refused by Postgres" in sentences(machine.examine_spool)
