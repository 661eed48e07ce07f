"""Answers are refused only where versions expire, and withheld only where there is a limit of novelty."""

from django.db import migrations, models
from django.db.models import Q
from django.utils import timezone

KEPT = ("id", "model_id", "max_age_days", "when_expired", "novelty_limit", "when_novel")
WHY = "it had no effect: the field beside it was empty"


def say_what_was_done(apps, schema_editor):
    """A policy that could do nothing warned, and does so from here on by its own word; its history keeps why."""
    held = apps.get_model("registry", "AnswerPolicy").objects
    history = apps.get_model("registry", "HistoricalAnswerPolicy").objects
    idle = Q(when_expired="refuse", max_age_days=None) | Q(when_novel="abstain", novelty_limit=None)
    changed = list(held.filter(idle).values_list("pk", flat=True))
    held.filter(when_expired="refuse", max_age_days=None).update(when_expired="warn")
    held.filter(when_novel="abstain", novelty_limit=None).update(when_novel="warn")
    for row in held.filter(pk__in=changed).values(*KEPT):
        history.create(**row, history_date=timezone.now(), history_type="~", history_change_reason=WHY)


class Migration(migrations.Migration):
    dependencies = [("registry", "0011_answer_policies")]

    operations = [
        migrations.RunPython(say_what_was_done, migrations.RunPython.noop),
        migrations.AddConstraint(
            "answerpolicy",
            models.CheckConstraint(
                condition=Q(("when_expired", "refuse"), _negated=True) | Q(("max_age_days__isnull", False)),
                name="what_is_refused_when_expired_expires",
            ),
        ),
        migrations.AddConstraint(
            "answerpolicy",
            models.CheckConstraint(
                condition=Q(("when_novel", "abstain"), _negated=True) | Q(("novelty_limit__isnull", False)),
                name="who_abstains_when_novel_has_a_limit",
            ),
        ),
    ]
