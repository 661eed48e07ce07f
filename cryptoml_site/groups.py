"""Who may do what: three groups, each with all that the one before it may. Made anew by each `migrate`."""

from django.apps import apps
from django.db.models import Q

OURS = ("registry", "training", "predictions", "monitoring", "django_celery_beat")
MOVES = ("registry.change_modelversion", "registry.change_registeredmodel")
VIEWER = ("predictions.add_prediction",)  # asks the API from the browser
OPERATOR = (
    *MOVES,
    "training.add_trainingrun",
    "training.change_trainingrun",
    "training.add_market",
    "training.change_market",
    "training.change_candle",
    "monitoring.change_driftevent",
    "monitoring.change_alert",
    "monitoring.change_notification",
    "monitoring.change_workerheartbeat",
    "monitoring.silence_alertrule",
    "django_celery_beat.change_periodictask",
)
OWNER = (
    "registry.override_gates",
    "registry.delete_modelversion",
    "registry.add_gateoverride",
    "registry.change_gateoverride",
    "registry.delete_gateoverride",
    "registry.add_answerpolicy",
    "registry.change_answerpolicy",
    "registry.delete_answerpolicy",
    "training.add_retrainingpolicy",
    "training.change_retrainingpolicy",
    "training.delete_retrainingpolicy",
    "monitoring.add_alertrule",
    "monitoring.change_alertrule",
    "monitoring.add_alertchannel",
    "monitoring.change_alertchannel",
    "predictions.add_apikey",
    "predictions.change_apikey",
    "django_celery_beat.add_periodictask",
    "django_celery_beat.delete_periodictask",
    "auth.view_user",
    "auth.view_group",
    "axes.view_accessattempt",
    "axes.delete_accessattempt",  # which lets somebody sign in again
)
GROUPS = {"viewer": VIEWER, "operator": (*VIEWER, *OPERATOR), "owner": (*VIEWER, *OPERATOR, *OWNER)}


def ensure_groups() -> None:
    """Give each group exactly these permissions, and sight of every row of ours; who is in it stays."""
    permission, group = apps.get_model("auth", "Permission"), apps.get_model("auth", "Group")
    sight = Q(content_type__app_label__in=OURS, codename__startswith="view_")
    for name, labels in GROUPS.items():
        wanted = permission.objects.filter(sight | _any_of(labels))
        group.objects.get_or_create(name=name)[0].permissions.set(wanted)


def _any_of(labels: tuple[str, ...]) -> Q:
    found = Q(pk__in=[])
    for app, _, codename in (label.partition(".") for label in labels):
        found |= Q(content_type__app_label=app, codename=codename)
    return found
