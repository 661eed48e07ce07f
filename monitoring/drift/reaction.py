"""What follows from a check: a retraining begins, is suggested, or must wait until a fault is mended."""

from cryptoml_site.errors import Refused
from monitoring.drift.findings import Channel, Status
from monitoring.models import DriftCheck
from registry.models import RegisteredModel
from training.models import RetrainingPolicy
from training.retraining import request_retraining

ACTOR = "schedule:drift"


def react(check: DriftCheck) -> str:
    """In words; empty where nothing follows. Outcomes alone start a retraining; a drift of features suggests one."""
    if check.status_of(Channel.OUTCOME) == Status.ALERT:
        if check.status_of(Channel.INTEGRITY) == Status.ALERT:
            return "not trained anew: what is faulty now would be learnt; mend it first"
        return _retrained(check.model, check.channels[Channel.OUTCOME]["says"])
    if check.drift_detected:
        return "the world has moved, but its answers are not known to be worse: consider to train it anew"
    return ""


def _retrained(model: RegisteredModel, why: str) -> str:
    policy = RetrainingPolicy.objects.filter(model=model).first()
    if policy is None:
        return "train it anew: it has no retraining policy that would"
    if not policy.on_drift:
        return "train it anew: its retraining policy leaves that to people"
    try:
        run = request_retraining(model, reason=why, actor=ACTOR)
    except Refused as refused:
        return f"not trained anew: {refused}"
    return f"{run} was queued to train it anew"
