"""A model's answer policy, the history of its changes, and a word to every web process of each of them."""

import django.core.validators
import django.db.models.deletion
import simple_history.models
from django.conf import settings
from django.db import migrations, models

TELL = """
CREATE TRIGGER a_changed_policy_is_told AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON registry_answerpolicy
    FOR EACH STATEMENT EXECUTE FUNCTION registry_ledger_moved();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0010_the_ledger_by_its_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="HistoricalAnswerPolicy",
            fields=[
                ("id", models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name="ID")),
                (
                    "max_age_days",
                    models.FloatField(
                        blank=True,
                        help_text="Days after the newest candle that a version learnt from. Empty: it never expires.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(0.001),
                            django.core.validators.MaxValueValidator(36500.0),
                        ],
                    ),
                ),
                (
                    "when_expired",
                    models.CharField(
                        choices=[("warn", "answer, with a warning"), ("refuse", "give no answers")],
                        default="warn",
                        max_length=10,
                    ),
                ),
                (
                    "novelty_limit",
                    models.FloatField(
                        blank=True,
                        help_text="A row above this is novel; of those learnt from 1 in 100 is above 1. Empty: none.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(0.001),
                            django.core.validators.MaxValueValidator(1000.0),
                        ],
                    ),
                ),
                (
                    "when_novel",
                    models.CharField(
                        choices=[
                            ("warn", "answer, with a warning"),
                            ("abstain", "abstain: answer that there is no answer"),
                        ],
                        default="warn",
                        max_length=10,
                    ),
                ),
                ("history_id", models.AutoField(primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField(db_index=True)),
                ("history_change_reason", models.CharField(max_length=100, null=True)),
                (
                    "history_type",
                    models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1),
                ),
                (
                    "history_user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "model",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="registry.registeredmodel",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical answer policy",
                "verbose_name_plural": "historical answer policies",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="AnswerPolicy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "max_age_days",
                    models.FloatField(
                        blank=True,
                        help_text="Days after the newest candle that a version learnt from. Empty: it never expires.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(0.001),
                            django.core.validators.MaxValueValidator(36500.0),
                        ],
                    ),
                ),
                (
                    "when_expired",
                    models.CharField(
                        choices=[("warn", "answer, with a warning"), ("refuse", "give no answers")],
                        default="warn",
                        max_length=10,
                    ),
                ),
                (
                    "novelty_limit",
                    models.FloatField(
                        blank=True,
                        help_text="A row above this is novel; of those learnt from 1 in 100 is above 1. Empty: none.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(0.001),
                            django.core.validators.MaxValueValidator(1000.0),
                        ],
                    ),
                ),
                (
                    "when_novel",
                    models.CharField(
                        choices=[
                            ("warn", "answer, with a warning"),
                            ("abstain", "abstain: answer that there is no answer"),
                        ],
                        default="warn",
                        max_length=10,
                    ),
                ),
                (
                    "model",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="answer_policy",
                        to="registry.registeredmodel",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "answer policies",
                "ordering": ["model"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("max_age_days__isnull", True), ("max_age_days__range", (0.001, 36500.0)), _connector="OR"
                        ),
                        name="a_version_expires_after_it_was_made_or_never",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("novelty_limit__isnull", True), ("novelty_limit__range", (0.001, 1000.0)), _connector="OR"
                        ),
                        name="a_limit_of_novelty_is_a_score",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("when_expired__in", ["warn", "refuse"])),
                        name="what_is_done_when_expired_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("when_novel__in", ["warn", "abstain"])),
                        name="what_is_done_when_novel_is_known",
                    ),
                ],
            },
        ),
        migrations.RunSQL(TELL, "DROP TRIGGER a_changed_policy_is_told ON registry_answerpolicy"),
    ]
