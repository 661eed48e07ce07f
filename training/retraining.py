"""Training that nobody asks for: which models are due, the one door through which their runs are queued, and what
becomes of the version."""

import logging
from collections.abc import Iterator

from django.db import transaction

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused, Unknown
from registry.actors import is_schedule
from registry.gates import judge
from registry.models import ModelVersion, RegisteredModel
from registry.models.ledger import Who
from training.models import Market, RetrainingPolicy, TrainingRun
from training.queueing import enqueue

SCHEDULE = "schedule:retrain"
logger = logging.getLogger(__name__)


def retrain_due() -> list[TrainingRun]:
    """Queue a run for every model that is due by its policy; one that is held back keeps why, and stops no other."""
    at = now()
    queued = []
    for policy in RetrainingPolicy.objects.in_force().idle().with_facts(at):
        reason = policy.due(at)
        if reason:
            try:
                queued.append(request_retraining(policy.model, reason=reason))
            except Refused as refused:
                logger.info("%s: %s", policy, refused)
    return queued


def request_retraining(model: RegisteredModel, *, reason: str, actor: str = SCHEDULE) -> TrainingRun:
    """Queue a run by the model's policy: the one door for the schedule and for whatever else may want one.

    reason: for the run, the ledger and who comes after. Raises Unknown where the model has no policy, or its market is
    gone, and Refused where the policy is switched off, another run waits, it cools down or is at its daily limit; the
    policy keeps what was said.
    """
    policy = RetrainingPolicy.objects.filter(model=model).first()
    if policy is None:
        raise Unknown(f"{model} has no retraining policy: make one in the admin", code="no_policy", field="model")
    try:
        run = _queue(policy, reason=reason, actor=actor)
    except Refused as refused:
        policy.say(f"{reason}, but {refused}")
        raise
    policy.say(f"{run} was queued: {reason}")
    return run


def _queue(policy: RetrainingPolicy, *, reason: str, actor: str) -> TrainingRun:
    """Under the policy's lock, so that of two who ask at once the second sees the first one's run."""
    with transaction.atomic():
        RetrainingPolicy.objects.select_for_update().get(pk=policy.pk)
        held = RetrainingPolicy.objects.with_facts(now()).get(pk=policy.pk)
        held.check_free(now())
        market = Market.objects.named(held.model.market)
        run = TrainingRun.objects.create(
            model=held.model, market=market, policy=held, reason=reason, actor=actor, **held.recipe()
        )
        enqueue(run)
    return run


def follow_policy(run: TrainingRun) -> None:
    """Stage and promote the run's version as far as its policy says and every gate passes.

    What is refused, by a gate, for a quarantine, or because somebody moved the model meanwhile, is a line of the run's
    log and no fault of it. No gate is ever overridden. Done once more, for a process that was killed in the middle, it
    goes on from where the version stands.
    """
    run.refresh_from_db()
    version, policy = run.version, run.policy
    if version is None or policy is None or run.considered_at is not None:
        return
    if policy.enabled and policy.auto_stage:
        who = Who(actor=run.actor if is_schedule(run.actor) else SCHEDULE, reason=_reason(run))
        said = "; ".join(_moved(version, promotes=policy.auto_promote, who=who))
    else:
        why = "its policy leaves that to people" if policy.enabled else "its policy was switched off meanwhile"
        said = f"version {version.number} stays {version.stage}: {why}"
    run.considered(said)


def _moved(version: ModelVersion, *, promotes: bool, who: Who) -> Iterator[str]:
    """What was done, a sentence for each step, and what was refused."""
    try:
        judge(version)
        if version.stage == ModelVersion.Stage.CANDIDATE:
            yield f"every gate passed: {version.to_staging(**who).sentence}"
        if promotes and version.stage == ModelVersion.Stage.STAGING:
            yield version.promote(**who).sentence
    except Refused as refused:
        version.refresh_from_db(fields=["stage"])
        yield f"version {version.number} stays {version.stage}: {refused}"


def _reason(run: TrainingRun) -> str:
    return f"{run.reason or 'trained by its policy'}; {run} passed every gate"
