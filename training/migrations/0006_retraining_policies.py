"""When models are trained without anybody asking, and what a run is held to."""

import django.core.validators
import django.db.models.deletion
import django.db.models.lookups
import simple_history.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0010_the_ledger_by_its_name"),
        ("training", "0005_trials"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="trainingrun",
            name="considered_at",
            field=models.DateTimeField(help_text="When its policy decided what becomes of its version.", null=True),
        ),
        migrations.AddField(
            model_name="trainingrun",
            name="memory_limit_mb",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Of its process. Empty: as the settings of the trainer say.",
                null=True,
                verbose_name="memory limit (MB)",
            ),
        ),
        migrations.AddField(
            model_name="trainingrun",
            name="not_before",
            field=models.DateTimeField(
                help_text="Until then it pauses in the queue, after a failed attempt.", null=True
            ),
        ),
        migrations.AddField(
            model_name="trainingrun",
            name="reason",
            field=models.TextField(blank=True, help_text="Why a schedule or a trigger asked for it."),
        ),
        migrations.AddField(
            model_name="trainingrun",
            name="sent_at",
            field=models.DateTimeField(help_text="When its task was sent to the trainers last.", null=True),
        ),
        migrations.AddField(
            model_name="trainingrun",
            name="time_limit_minutes",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Of one attempt. Empty: as the settings of the trainer say.",
                null=True,
                verbose_name="time limit (minutes)",
            ),
        ),
        migrations.CreateModel(
            name="HistoricalRetrainingPolicy",
            fields=[
                ("id", models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name="ID")),
                (
                    "enabled",
                    models.BooleanField(
                        default=True, help_text="Off: it is trained when somebody asks, and not otherwise."
                    ),
                ),
                (
                    "every_candles",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="When so many candles closed since its newest version was learnt. This or days.",
                        null=True,
                        validators=[django.core.validators.MinValueValidator(1)],
                    ),
                ),
                (
                    "every_days",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="When its newest version was learnt so many days ago, and a candle has closed since.",
                        null=True,
                        validators=[django.core.validators.MinValueValidator(1)],
                    ),
                ),
                (
                    "estimator",
                    models.CharField(
                        default="random_forest",
                        help_text="By name, or one of your own by its dotted path.",
                        max_length=100,
                    ),
                ),
                (
                    "feature_set",
                    models.CharField(
                        default="classic", help_text="That of production: a gate refuses another one.", max_length=100
                    ),
                ),
                (
                    "params",
                    models.JSONField(
                        blank=True, default=dict, help_text='Of the estimator, such as {"n_estimators": 300}.'
                    ),
                ),
                (
                    "options",
                    models.JSONField(
                        blank=True, default=dict, help_text='Of the recipe, such as {"calibration": "sigmoid"}.'
                    ),
                ),
                (
                    "folds",
                    models.PositiveSmallIntegerField(
                        default=8,
                        validators=[
                            django.core.validators.MinValueValidator(2),
                            django.core.validators.MaxValueValidator(100),
                        ],
                    ),
                ),
                (
                    "seed",
                    models.PositiveIntegerField(
                        default=7, validators=[django.core.validators.MaxValueValidator(2147483647)]
                    ),
                ),
                (
                    "cool_down_hours",
                    models.PositiveSmallIntegerField(
                        default=1,
                        help_text="From one run that nobody asked for to the next, at least.",
                        verbose_name="cool-down (hours)",
                    ),
                ),
                (
                    "daily_limit",
                    models.PositiveSmallIntegerField(
                        default=4,
                        help_text="Such runs within 24 hours, at most.",
                        validators=[django.core.validators.MinValueValidator(1)],
                    ),
                ),
                (
                    "auto_stage",
                    models.BooleanField(
                        default=True,
                        help_text="Where every gate passes: it is kept ready, and what answers stays.",
                        verbose_name="stage it",
                    ),
                ),
                (
                    "auto_promote",
                    models.BooleanField(
                        default=False,
                        help_text="Where every gate passes: it answers from then on, and nobody is asked.",
                        verbose_name="promote it",
                    ),
                ),
                (
                    "time_limit_minutes",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="A run that takes longer is ended. Empty: as the settings of the trainer say.",
                        null=True,
                        validators=[django.core.validators.MinValueValidator(1)],
                        verbose_name="time limit (minutes)",
                    ),
                ),
                (
                    "memory_limit_mb",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="A run whose process holds more is ended. Empty: as the settings of the trainer say.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(500),
                            django.core.validators.MaxValueValidator(4000000),
                        ],
                        verbose_name="memory limit (MB)",
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
                "verbose_name": "historical retraining policy",
                "verbose_name_plural": "historical retraining policies",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="RetrainingPolicy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "enabled",
                    models.BooleanField(
                        default=True, help_text="Off: it is trained when somebody asks, and not otherwise."
                    ),
                ),
                (
                    "every_candles",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="When so many candles closed since its newest version was learnt. This or days.",
                        null=True,
                        validators=[django.core.validators.MinValueValidator(1)],
                    ),
                ),
                (
                    "every_days",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="When its newest version was learnt so many days ago, and a candle has closed since.",
                        null=True,
                        validators=[django.core.validators.MinValueValidator(1)],
                    ),
                ),
                (
                    "estimator",
                    models.CharField(
                        default="random_forest",
                        help_text="By name, or one of your own by its dotted path.",
                        max_length=100,
                    ),
                ),
                (
                    "feature_set",
                    models.CharField(
                        default="classic", help_text="That of production: a gate refuses another one.", max_length=100
                    ),
                ),
                (
                    "params",
                    models.JSONField(
                        blank=True, default=dict, help_text='Of the estimator, such as {"n_estimators": 300}.'
                    ),
                ),
                (
                    "options",
                    models.JSONField(
                        blank=True, default=dict, help_text='Of the recipe, such as {"calibration": "sigmoid"}.'
                    ),
                ),
                (
                    "folds",
                    models.PositiveSmallIntegerField(
                        default=8,
                        validators=[
                            django.core.validators.MinValueValidator(2),
                            django.core.validators.MaxValueValidator(100),
                        ],
                    ),
                ),
                (
                    "seed",
                    models.PositiveIntegerField(
                        default=7, validators=[django.core.validators.MaxValueValidator(2147483647)]
                    ),
                ),
                (
                    "cool_down_hours",
                    models.PositiveSmallIntegerField(
                        default=1,
                        help_text="From one run that nobody asked for to the next, at least.",
                        verbose_name="cool-down (hours)",
                    ),
                ),
                (
                    "daily_limit",
                    models.PositiveSmallIntegerField(
                        default=4,
                        help_text="Such runs within 24 hours, at most.",
                        validators=[django.core.validators.MinValueValidator(1)],
                    ),
                ),
                (
                    "auto_stage",
                    models.BooleanField(
                        default=True,
                        help_text="Where every gate passes: it is kept ready, and what answers stays.",
                        verbose_name="stage it",
                    ),
                ),
                (
                    "auto_promote",
                    models.BooleanField(
                        default=False,
                        help_text="Where every gate passes: it answers from then on, and nobody is asked.",
                        verbose_name="promote it",
                    ),
                ),
                (
                    "time_limit_minutes",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="A run that takes longer is ended. Empty: as the settings of the trainer say.",
                        null=True,
                        validators=[django.core.validators.MinValueValidator(1)],
                        verbose_name="time limit (minutes)",
                    ),
                ),
                (
                    "memory_limit_mb",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="A run whose process holds more is ended. Empty: as the settings of the trainer say.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(500),
                            django.core.validators.MaxValueValidator(4000000),
                        ],
                        verbose_name="memory limit (MB)",
                    ),
                ),
                (
                    "last_answer",
                    models.TextField(blank=True, editable=False, help_text="What it said when it was asked last."),
                ),
                ("answered_at", models.DateTimeField(editable=False, null=True)),
                (
                    "model",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="retraining_policy",
                        to="registry.registeredmodel",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "retraining policies",
                "ordering": ["model"],
            },
        ),
        migrations.AddField(
            model_name="trainingrun",
            name="policy",
            field=models.ForeignKey(
                db_index=False,
                help_text="The model's policy that asked for it, and that says what becomes of its version.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="runs",
                to="training.retrainingpolicy",
            ),
        ),
        migrations.AddIndex(
            model_name="trainingrun",
            index=models.Index(
                condition=models.Q(("status__in", ["queued", "running"])),
                fields=["model", "id"],
                name="runs_that_have_not_ended",
            ),
        ),
        migrations.AddIndex(
            model_name="trainingrun",
            index=models.Index(fields=["policy", "-created_at"], name="newest_run_of_a_policy"),
        ),
        migrations.AddIndex(
            model_name="trainingrun",
            index=models.Index(
                condition=models.Q(("considered_at__isnull", True), ("policy__isnull", False), ("status", "succeeded")),
                fields=["id"],
                name="runs_yet_to_be_considered",
            ),
        ),
        migrations.AddConstraint(
            model_name="trainingrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("time_limit_minutes__isnull", True), ("time_limit_minutes__gte", 1), _connector="OR"
                ),
                name="a_time_limit_leaves_some_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="trainingrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("memory_limit_mb__isnull", True), ("memory_limit_mb__gte", 1), _connector="OR"),
                name="a_memory_limit_leaves_some_memory",
            ),
        ),
        migrations.AddConstraint(
            model_name="retrainingpolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("every_candles__gte", 1), ("every_candles__isnull", False), ("every_days__isnull", True)),
                    models.Q(("every_candles__isnull", True), ("every_days__gte", 1), ("every_days__isnull", False)),
                    _connector="OR",
                ),
                name="retraining_is_by_candles_or_by_days",
                violation_error_message="say after how many candles, or after how many days: one of the two",
            ),
        ),
        migrations.AddConstraint(
            model_name="retrainingpolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(("auto_promote", False), ("auto_stage", True), _connector="OR"),
                name="what_is_promoted_is_staged_before",
                violation_error_message="what is promoted is staged before: tick both, or neither",
            ),
        ),
        migrations.AddConstraint(
            model_name="retrainingpolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(("daily_limit__gte", 1)), name="a_daily_limit_admits_a_run"
            ),
        ),
        migrations.AddConstraint(
            model_name="retrainingpolicy",
            constraint=models.CheckConstraint(
                condition=django.db.models.lookups.Exact(
                    models.Func("params", function="jsonb_typeof", output_field=models.CharField()), "object"
                ),
                name="params_of_a_policy_are_given_by_name",
            ),
        ),
        migrations.AddConstraint(
            model_name="retrainingpolicy",
            constraint=models.CheckConstraint(
                condition=django.db.models.lookups.Exact(
                    models.Func("options", function="jsonb_typeof", output_field=models.CharField()), "object"
                ),
                name="options_of_a_policy_are_given_by_name",
            ),
        ),
    ]
