"""What follows from a check: outcomes start a retraining, faults of the data forbid it, moved features suggest it."""

import pytest

from monitoring.drift.checking import run_check
from monitoring.drift.findings import Channel, Findings, Found, Status
from monitoring.drift.reaction import ACTOR, react
from monitoring.models import DriftCheck
from tests.factories import make_market, make_version
from training.models import RetrainingPolicy, TrainingRun

pytestmark = pytest.mark.django_db
WORSE = "60.0% of 400 answers were wrong, 47.0% were in the walk-forward"


@pytest.fixture
def version():
    make_market()
    return make_version()


def policy_of(version, **facts):
    return RetrainingPolicy.objects.create(model=version.model, **{"every_days": 30, **facts})


def checked(version, **statuses):
    """By channel its status; the others are ok."""
    told = {channel: statuses.get(channel.value, Status.OK) for channel in Channel}
    channels = {channel: {"status": status, "says": WORSE} for channel, status in told.items()}
    return DriftCheck(model=version.model, version=version, channels=channels)


def test_wrong_answers_start_a_retraining_by_the_models_policy(version):
    policy = policy_of(version, estimator="logistic", feature_set="technical")
    said = react(checked(version, outcome=Status.ALERT))
    run = TrainingRun.objects.get()
    assert (run.policy, run.actor, run.reason, run.estimator) == (policy, ACTOR, WORSE, "logistic")
    assert said == f"{run} was queued to train it anew"


def test_features_that_moved_suggest_it_and_start_nothing(version):
    policy_of(version)
    for channel in ("distribution", "prediction"):
        assert "consider to train it anew" in react(checked(version, **{channel: Status.ALERT}))
    assert not TrainingRun.objects.exists()


def test_a_fault_of_the_data_forbids_it_until_it_is_mended(version):
    policy_of(version)
    assert "mend it first" in react(checked(version, outcome=Status.ALERT, integrity=Status.ALERT))
    assert not TrainingRun.objects.exists()
    assert "was queued" in react(checked(version, outcome=Status.ALERT))


def test_the_next_checks_wait_for_the_run_and_for_the_cool_down(version):
    policy_of(version, cool_down_hours=24)
    react(checked(version, outcome=Status.ALERT))
    assert "has not ended yet" in react(checked(version, outcome=Status.ALERT))
    TrainingRun.objects.update(status=TrainingRun.Status.FAILED)
    assert "cools down until" in react(checked(version, outcome=Status.ALERT))
    assert TrainingRun.objects.count() == 1


@pytest.mark.parametrize(
    ("facts", "said"),
    [(None, "has no retraining policy"), ({"on_drift": False}, "to people"), ({"enabled": False}, "switched off")],
)
def test_without_a_policy_that_allows_it_a_person_is_told(version, facts, said):
    if facts is not None:
        policy_of(version, **facts)
    assert said in react(checked(version, outcome=Status.ALERT))
    assert not TrainingRun.objects.exists()


@pytest.mark.parametrize("status", [Status.OK, Status.WARNING, Status.NOT_CALIBRATED])
def test_less_than_an_alert_moves_nothing(version, status):
    policy_of(version)
    assert react(checked(version, **{channel.value: status for channel in Channel})) == ""


def test_a_check_keeps_what_followed_and_two_workers_with_one_message_react_once(version, monkeypatch):
    version.promote(actor="user:anna", reason="first", override=True)
    policy_of(version)
    wrong = {channel: Found(Status.OK, "fine") for channel in Channel} | {Channel.OUTCOME: Found(Status.ALERT, WORSE)}
    found = Findings(found=wrong, features=[], source="answers", rows=0, first_at=None, last_at=None)
    monkeypatch.setattr("monitoring.drift.checking.examined", lambda _: found)
    first = DriftCheck.objects.ask(version.model, actor="user:anna")
    second = DriftCheck.objects.get(pk=first.pk)  # as another worker read it, before the first was done
    assert [event.channel for event in run_check(first)] == [Channel.OUTCOME]
    assert run_check(second) == []
    kept = DriftCheck.objects.get(pk=first.pk)
    assert "was queued" in kept.reaction
    assert TrainingRun.objects.count() == 1


def test_a_policy_may_have_drift_as_its_only_reason(version):
    policy = policy_of(version, every_days=None)
    held = RetrainingPolicy.objects.with_facts(version.created_at).get()
    assert (policy.rhythm, held.due(version.created_at)) == ("when its answers go wrong", "")
    assert "was queued" in react(checked(version, outcome=Status.ALERT))
