"""The rules that there are from the start, made once: what a person changes or deletes stays so."""

from django.apps import apps

from monitoring.alerts.kinds import ASKS, Kind


def ensure_rules() -> None:
    """One of each kind that no rule has, enabled and without channels: it shows in the admin, and nobody is written to.

    A person who wants none of a kind switches its rule off.
    """
    rules = apps.get_model("monitoring", "AlertRule").objects
    held = set(rules.values_list("kind", flat=True))
    for kind, asks in ASKS.items():
        if kind not in held:
            rules.get_or_create(
                name=Kind(kind).label,
                defaults={
                    "kind": kind,
                    "severity": asks.severity,
                    "threshold": asks.threshold.default if asks.threshold else None,
                    "minutes": asks.minutes,
                },
            )
