"""What is wrong with how a model is served, in a sentence."""

from collections.abc import Sequence

from cryptoml_site.clock import now
from predictions.models import WebProcess
from registry.models import RegisteredModel


def move_not_served(models: Sequence[RegisteredModel]) -> dict[int, str]:
    """For settings.MODEL_CONCERNS: what a living web process says."""
    problems: dict[str, str] = {}
    for said in WebProcess.objects.alive(now()).values_list("problems", flat=True):
        problems |= said
    return {model.pk: problems[model.name] for model in models if model.name in problems}
