"""What the site does all day, in the application's role: Postgres lets it."""

import orjson
import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from django_celery_beat.models import PeriodicTask

from cryptoml_site.clock import now
from cryptoml_site.schedules import ensure_schedules
from predictions.engine import engine
from predictions.idempotency import forget_expired
from predictions.keyring import keyring
from predictions.log import Durability
from predictions.models import ApiKey, IdempotentReply, Prediction, Scope
from predictions.partitions import LOG, drop_partition, ensure_partitions, month_start
from registry.models import Deployment
from tests.factories import make_market, make_model, make_version
from tests.predictions.rows_of_the_log import answers, ids_of, log_in, record_of
from training.features.classic import EXAMPLE

pytestmark = [pytest.mark.xdist_group("roles"), pytest.mark.usefixtures("as_application")]


@pytest.fixture
def log(tmp_path):
    with log_in(tmp_path / "spool") as made:
        yield made


@pytest.fixture
def fresh_process():
    """What an engine has seen of this database is nothing to other tests."""
    for seen in (engine, keyring):
        seen.__init__()
    yield
    for seen in (engine, keyring):
        seen.__init__()


def in_the_log(many):
    ids = ids_of(many)
    return list(Prediction.objects.filter(id__in=ids).order_by("id").values_list("id", flat=True)) == ids


def test_a_version_is_promoted_and_rolled_back():
    model = make_model("moves", default=False)
    versions = [make_version(model=model), make_version(model=model)]
    for version in versions:
        version.promote(actor="user:operator", reason="better")
    model.rollback(actor="user:operator", reason="worse")
    assert Deployment.objects.in_force().get(model=model).to_version == versions[0]


def test_answers_are_committed_to_the_log(log):
    made = answers([0.75, 0.25])
    assert log.write(made) is Durability.POSTGRES
    assert in_the_log([made])


def test_the_spool_is_replayed_through_its_temporary_table(log):
    made = answers([0.75, 0.25])
    log.spool.append([record_of(made)])
    log.replayer.turn()
    assert (log.spool.rows, in_the_log([made])) == (0, True)


def test_a_prediction_is_asked_for_by_key_and_answered_once(fresh_process):
    make_version(model=make_model("asked")).promote(actor="user:operator", reason="first")
    engine.refresh()
    _, secret = ApiKey.objects.issue(name="test", scopes=Scope.values, created_by="user:tester")
    headers = {"X-API-Key": secret, "Idempotency-Key": "one"}
    said = [
        Client(headers=headers).post("/predict", orjson.dumps(EXAMPLE), content_type="application/json")
        for _ in range(2)
    ]
    assert [each.status_code for each in said] == [200, 200]
    assert Prediction.objects.filter(id__in=[each.json()["id"] for each in said]).count() == 1
    assert IdempotentReply.objects.exists()
    assert forget_expired() == 0


def test_a_session_is_kept_and_ended():
    session = SessionStore()
    session["seen"] = True
    session.save()
    assert SessionStore(session.session_key)["seen"]
    session.delete()


def test_a_schedule_is_written_as_beat_writes_it():
    ensure_schedules()
    task = PeriodicTask.objects.get(task="data.ensure_partitions")
    task.last_run_at = now()
    task.total_run_count += 1
    task.save()
    PeriodicTask.objects.filter(pk=task.pk).update(enabled=True)


def test_rows_outside_the_ledger_are_changed_and_deleted():
    market = make_market("ether-usd-1d", newest=now())
    assert market.candles.update(volume=1.0) == 60
    assert market.candles.all().delete()[0] == 60
    anna = User.objects.create_user("anna")
    assert anna.delete()[0] == 1


def test_the_logs_months_are_made_filled_and_dropped(log, set_clock):
    months = [month_start(now(), months_later=later) for later in (-3, 5)]
    for month in months:
        set_clock(month.isoformat())
        assert ensure_partitions(months_ahead=0) == [f"{LOG}_{month:%Y_%m}"]
        assert log.write(made := answers()) is Durability.POSTGRES
        assert in_the_log([made])
    assert [drop_partition(months[0]), drop_partition(months[0])] == [True, False]
    assert in_the_log([made])


def test_strays_are_moved_into_the_month_that_is_made(log, set_clock, by_owner):
    month = month_start(now(), months_later=7)
    set_clock(month.isoformat())
    log.write(made := answers([0.75, 0.25]))
    partition = f"{LOG}_{month:%Y_%m}"
    assert ensure_partitions(months_ahead=0) == [partition]
    rows = by_owner.execute(f"SELECT id FROM {partition} ORDER BY id").fetchall()  # noqa: S608
    assert rows == [(each,) for each in made.ids]
    assert in_the_log([made])
