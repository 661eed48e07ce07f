"""Versions of a study: learnt once, found again when a study that was stopped goes on."""

from cryptoml_site.errors import Refused
from registry.models import ModelVersion, RegisteredModel
from training.fitting.walk_forward import silent
from training.learning import learn, queue_run
from training.models import Market

ACTOR = "command:study"


def learnt(market: Market, *, estimator: str, feature_set: str) -> ModelVersion:
    """The one version of that market, estimator and feature set. Raises Refused for what cannot be learnt from it."""
    name = f"{market.name}-{feature_set}-{estimator.replace('_', '-')}"
    model = RegisteredModel.objects.of_market(market.name, name=name)
    version = model.versions.first()
    if version is None:
        run = queue_run(market=market, model=model, feature_set=feature_set, estimator=estimator, actor=ACTOR)
        version = learn(run, progress=silent)
    if version is None:
        raise Refused(f"another process learns {model}: let it end")
    return version
