"""Which versions exist, which one answers, and who changed what about them."""

from registry.models.answer_policies import AnswerPolicy, Policy
from registry.models.edits import VersionEdit
from registry.models.gate_overrides import GateOverride
from registry.models.imports import ModelImport
from registry.models.ledger import ACTOR, Deployment
from registry.models.registered import NAME, MovedMeanwhile, RegisteredModel
from registry.models.versions import ModelVersion, Quarantined

__all__ = [
    "ACTOR",
    "NAME",
    "AnswerPolicy",
    "Deployment",
    "GateOverride",
    "ModelImport",
    "ModelVersion",
    "MovedMeanwhile",
    "Policy",
    "Quarantined",
    "RegisteredModel",
    "VersionEdit",
]
