"""What `up` prepares: credentials that stay, a default model, a first version of which the ledger tells the truth."""

import json
import subprocess
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from cryptoml_site import first_run
from cryptoml_site.first_run import DEMO, can_answer, ensure_credentials, ensure_default, put_into_production
from predictions.models import ApiKey, Scope
from registry.models import Deployment, RegisteredModel
from tests.factories import make_model, make_version, report
from training.market_data.simulate import simulate_candles
from training.models import Candle, Market, TrainingRun

pytestmark = pytest.mark.django_db


def test_credentials_open_the_doors_and_are_for_their_owner_alone(tmp_path):
    made = ensure_credentials(tmp_path / "credentials.json")
    admin = User.objects.get(username=made.admin_username)
    assert admin.check_password(made.admin_password)
    assert admin.is_superuser
    assert set(ApiKey.objects.get().scopes) == set(Scope.values)
    assert (tmp_path / "credentials.json").stat().st_mode & 0o077 == 0


def test_the_next_start_shows_the_same_credentials(tmp_path):
    path = tmp_path / "credentials.json"
    assert ensure_credentials(path) == ensure_credentials(path)
    assert ApiKey.objects.count() == 1


def test_a_first_run_that_cannot_keep_the_password_makes_no_user(tmp_path):
    with pytest.raises(FileNotFoundError):
        ensure_credentials(tmp_path / "away" / "credentials.json")
    assert (User.objects.count(), ApiKey.objects.count()) == (0, 0)


@pytest.mark.parametrize("spoil", ["password", "key", "file"])
def test_credentials_that_open_nothing_any_more_are_made_anew(tmp_path, spoil):
    path = tmp_path / "credentials.json"
    first = ensure_credentials(path)
    if spoil == "password":
        admin = User.objects.get()
        admin.set_password("another")
        admin.save()
    elif spoil == "key":
        ApiKey.objects.get().revoke()
    else:
        path.write_text("{")
    second = ensure_credentials(path)
    assert second != first
    assert json.loads(path.read_text())["api_key"] == second.api_key
    assert User.objects.get().check_password(second.admin_password)


@pytest.fixture
def markets():
    simulate_candles(DEMO, candles=60, seed=7)
    simulate_candles("other-usd-1h", candles=60, seed=7)
    return [Market.objects.named("other-usd-1h"), Market.objects.named(DEMO)]


def test_the_default_model_is_that_of_the_first_market(markets):
    assert ensure_default(markets).name == "other-usd-1h"
    assert ensure_default(markets[1:]).name == "other-usd-1h"


def test_the_demo_is_made_with_a_signal_that_lets_a_gate_be_passed():
    assert first_run.load_demo(print).simulation["process"]["signal"] == first_run.DEMO_SIGNAL


def test_a_demo_of_an_earlier_release_is_carried_on_by_its_own_law(set_clock):
    simulate_candles(DEMO, candles=60, seed=7, signal=0.2, pull=True)
    Candle.objects.order_by("-opened_at")[:1].get().delete()
    market = first_run.load_demo(print)
    assert (market.simulation["process"]["signal"], market.candles.count()) == (0.2, 60)


def test_a_default_that_a_person_chose_stays(markets):
    make_model("chosen", default=True)
    assert ensure_default(markets).name == "chosen"


def test_a_real_market_takes_the_default_over_from_the_demo(markets):
    RegisteredModel.objects.named(DEMO).make_default()
    assert ensure_default(markets).name == "other-usd-1h"


def test_a_real_market_that_nothing_can_be_learnt_from_yet_is_said_and_left_out(markets, monkeypatch):
    def fail(command, **_):
        raise subprocess.CalledProcessError(1, command)

    monkeypatch.setattr("cryptoml_site.first_run.subprocess.run", fail)
    said = []
    assert not can_answer(markets[0], said.append)
    assert "No version of other-usd-1h could be trained" in said[-1]
    make_version(model=RegisteredModel.objects.named("other-usd-1h")).promote(actor="user:o", reason="first")
    assert can_answer(markets[0], said.append)


@pytest.mark.parametrize(("low", "passed"), [(0.01, True), (-0.01, False)])
def test_the_ledger_says_whether_the_first_version_answers_by_its_gates(low, passed):
    assert put_into_production(make_version(metrics=report(edge_low=low))) is passed
    moved = Deployment.objects.latest("generation")
    assert moved.evidence["overridden"] is not passed
    assert moved.warnings == ([] if passed else ["no_edge_over_baseline"])


def test_the_technical_model_is_trained_by_the_trainer_and_answers_beside_the_default(markets, monkeypatch):
    RegisteredModel.objects.named(DEMO).make_default()

    def train(run):
        version = make_version(model=run.model, features="technical")
        TrainingRun.objects.filter(pk=run.pk).update(status="succeeded", version=version)

    monkeypatch.setattr(first_run, "enqueue", train)
    monkeypatch.setattr("cryptoml_site.first_run.time.sleep", lambda _: None)
    said = []
    first_run.follow_up(said.append)
    first_run.follow_up(said.append)
    assert RegisteredModel.objects.named(f"{DEMO}-technical").versions.in_production().exists()
    assert len(said) == 1


@pytest.fixture
def furnished(monkeypatch):
    """How often a market and a model were made."""
    made = []
    monkeypatch.setattr("cryptoml_site.management.commands.first_run.furnish", lambda say: made.append(say) or "demo")
    return made


def first_run_says():
    out = StringIO()
    call_command("first_run", stdout=out)
    return out.getvalue()


def test_the_command_makes_a_way_in_and_a_model_and_says_no_secret(furnished, settings, tmp_path):
    settings.CRYPTOML_HOME = tmp_path
    said = first_run_says()
    made = json.loads((tmp_path / "credentials.json").read_text())
    assert len(furnished) == 1
    assert User.objects.get().check_password(made["admin_password"])
    assert not any(secret in said for secret in (made["admin_password"], made["api_key"]))


def test_the_command_leaves_alone_whoever_and_whatever_is_there(furnished, settings, tmp_path):
    settings.CRYPTOML_HOME = tmp_path
    User.objects.create_superuser("anna", password="changed by herself")
    make_version().promote(actor="user:anna", reason="first", override=True)
    assert "no model is made" in first_run_says()
    assert furnished == []
    assert User.objects.get().check_password("changed by herself")
    assert not ApiKey.objects.exists()
