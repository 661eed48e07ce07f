"""What a person should know about a model at a glance. Apps above add theirs by settings.MODEL_CONCERNS."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from django.conf import settings
from django.utils.module_loading import import_string

from cryptoml_site.clock import now
from registry.models import AnswerPolicy, ModelVersion, Policy, RegisteredModel


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


def production_expired(models: Sequence[RegisteredModel]) -> dict[int, str]:
    """Of models whose policy lets versions expire, those whose version in production has."""
    rows = AnswerPolicy.objects.filter(model__in=models, max_age_days__isnull=False)
    policies, at = {row.model_id: row.policy for row in rows}, now()
    versions = ModelVersion.objects.in_production().filter(model__in=policies).defer("metrics", "signature")
    return {
        version.model_id: _expired(version, policies[version.model_id])
        for version in versions
        if policies[version.model_id].expired(version.learnt_until, at=at)
    }


def _expired(version: ModelVersion, policy: Policy) -> str:
    done = "gives no answers" if policy.refuses_expired else "answers with a warning"
    return (
        f"version {version.number} expired, {policy.max_age_days:g} days after what it learnt from "
        f"({version.learnt_until:%Y-%m-%d}), and {done}: train and promote a newer one"
    )
