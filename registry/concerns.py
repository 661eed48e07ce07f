"""What a person should know about a model at a glance. Apps above add theirs by settings.MODEL_CONCERNS."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from django.conf import settings
from django.utils.module_loading import import_string

from registry.models import ModelVersion, RegisteredModel


def concerns(models: Sequence[RegisteredModel]) -> dict[int, list[str]]:
    """Sentences by primary key, from each function of settings.MODEL_CONCERNS in a query or two for all models."""
    said: dict[int, list[str]] = defaultdict(list)
    for path in settings.MODEL_CONCERNS:
        found: Mapping[int, str] = import_string(path)(models)
        for pk, sentence in found.items():
            said[pk].append(sentence)
    return said


def nothing_in_production(models: Sequence[RegisteredModel]) -> dict[int, str]:
    answering = set(ModelVersion.objects.in_production().filter(model__in=models).values_list("model", flat=True))
    return {model.pk: "nothing is in production: promote a version" for model in models if model.pk not in answering}
