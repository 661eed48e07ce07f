"""What becomes of a version that nobody asked for: as far as its policy says and every gate allows; its run says it."""

import logging
from datetime import timedelta

import pytest

from cryptoml_site.clock import now
from registry.gates import Verdict
from registry.models import Deployment
from tests.factories import make_market, make_model, make_version, report
from training.models import Market, RetrainingPolicy, TrainingRun
from training.queueing import sweep
from training.retraining import follow_policy
from training.tasks import follow_policy_of

pytestmark = pytest.mark.django_db
REASON = "3 candles closed since version 1 was learnt"
NO_EDGE = report(edge_low=-0.01)


@pytest.fixture
def learnt():
    """learnt(auto_promote=True) is a run that has made a candidate, by such a policy."""

    def make(*, metrics=None, actor="schedule:retrain", **facts):
        model = make_model()
        policy, _ = RetrainingPolicy.objects.update_or_create(model=model, defaults={"every_candles": 3, **facts})
        return TrainingRun.objects.create(
            model=model,
            market=Market.objects.filter(name=model.market).first() or make_market(),
            policy=policy,
            reason=REASON,
            actor=actor,
            estimator="xgboost",
            feature_set="classic",
            status="succeeded",
            finished_at=now(),
            version=make_version(model=model, metrics=metrics),
        )

    return make


def followed(run):
    """The run, after its policy was followed."""
    follow_policy(run)
    run.refresh_from_db()
    return run


def test_a_version_that_passes_every_gate_is_staged_and_no_more(learnt):
    run = followed(learnt())
    [row] = Deployment.objects.all()
    assert (run.version.stage, row.kind, row.actor) == ("staging", "stage", "schedule:retrain")
    assert row.reason == f"{REASON}; {run} passed every gate"
    assert "every gate passed: schedule:retrain staged version 1" in run.log


def test_it_is_promoted_only_where_the_policy_says_so(learnt):
    run = followed(learnt(auto_promote=True))
    rows = Deployment.objects.order_by("generation").values_list("kind", "actor")
    assert list(rows) == [("stage", "schedule:retrain"), ("promote", "schedule:retrain")]
    assert (run.version.stage, Deployment.objects.first().evidence["overridden"]) == ("production", False)
    assert "promoted version 1" in run.log


@pytest.mark.parametrize("promotes", [False, True])
def test_a_version_that_a_gate_stops_stays_a_candidate_and_the_log_names_the_gate(learnt, promotes):
    run = followed(learnt(metrics=NO_EDGE, auto_promote=promotes))
    assert run.version.stage == "candidate"
    assert "version 1 stays candidate: bitcoin-usd-1d version 1 may not answer. EdgeOverBaseline fail" in run.log
    assert run.status == "succeeded"
    assert not Deployment.objects.exists()


def test_a_policy_that_leaves_it_to_people_stages_nothing(learnt):
    run = followed(learnt(auto_stage=False))
    assert run.version.stage == "candidate"
    assert "stays candidate: its policy leaves that to people" in run.log


def test_a_policy_that_was_switched_off_meanwhile_moves_nothing(learnt):
    run = learnt(auto_promote=True)
    RetrainingPolicy.objects.update(enabled=False)
    assert "stays candidate: its policy was switched off meanwhile" in followed(run).log
    assert not Deployment.objects.exists()


def test_a_run_that_a_person_asked_for_by_hand_leaves_a_candidate(learnt):
    run = learnt(auto_promote=True)
    TrainingRun.objects.update(policy=None)
    assert followed(run).version.stage == "candidate"


def test_while_a_version_is_in_quarantine_the_next_is_staged_and_not_promoted(learnt):
    good, bad = learnt(auto_promote=True), learnt(auto_promote=True)
    followed(good)
    followed(bad)
    good.model.rollback(actor="user:anna", reason="answers nonsense")
    run = followed(learnt(auto_promote=True))
    assert run.version.stage == "staging"
    assert "version 3 stays staging: bitcoin-usd-1d version 2 is in quarantine" in run.log


class SomebodyElseMoves:
    """A gate during which a person promotes another version."""

    def judge(self, version):
        other = version.model.versions.exclude(pk=version.pk).first()
        if other is not None and other.stage != "production" and version.stage == "staging":
            other.promote(actor="user:anna", reason="meanwhile", override=True)
        return Verdict("SomebodyElseMoves", "pass", "")


def test_a_model_that_was_moved_meanwhile_is_left_to_who_moved_it(learnt, settings):
    settings.PROMOTION_GATES = [{"NAME": f"{__name__}.SomebodyElseMoves"}]
    other = make_version(model=make_model())
    run = followed(learnt(auto_promote=True))
    other.refresh_from_db()
    assert (run.version.stage, other.stage) == ("staging", "production")
    assert "version 2 stays staging: bitcoin-usd-1d moved while its gates were judged" in run.log


def test_what_a_drift_trigger_asked_for_is_moved_in_its_name_and_what_a_person_did_in_the_schedules(learnt):
    followed(learnt(actor="schedule:drift"))
    followed(learnt(actor="user:anna"))
    assert list(Deployment.objects.values_list("actor", flat=True)) == ["schedule:retrain", "schedule:drift"]


def test_a_policy_is_followed_once(learnt):
    run = followed(learnt())
    who = {"actor": "user:anna", "reason": "not this one"}
    run.version.to_archive(**who)
    run.version.restore(**who)
    assert followed(run).version.stage == "candidate"


def test_what_a_killed_trainer_left_undone_is_gone_on_with(learnt, monkeypatch):
    sent = []
    monkeypatch.setattr("training.queueing.current_app.send_task", lambda name, args: sent.append((name, *args)))
    run = learnt(auto_promote=True)
    run.version.to_staging(actor="schedule:retrain", reason="then the trainer was killed")
    sweep()
    assert sent == []  # its trainer may be about it
    TrainingRun.objects.update(finished_at=now() - timedelta(minutes=6))
    sweep()
    assert sent == [("data.follow_policy", run.pk)]
    follow_policy_of(run.pk)
    run.version.refresh_from_db()
    assert run.version.stage == "production"
    sweep()
    assert len(sent) == 1


def test_a_refusal_is_no_failure_of_the_task(learnt, caplog):
    with caplog.at_level(logging.ERROR):
        follow_policy_of(learnt(metrics=NO_EDGE).pk)
    assert caplog.records == []
