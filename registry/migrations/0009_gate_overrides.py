"""A model's own options of a gate, and the history of their changes."""

import django.db.models.deletion
import django.db.models.lookups
import simple_history.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0008_suspension_quarantine_and_purging"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="HistoricalGateOverride",
            fields=[
                ("id", models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name="ID")),
                ("gate", models.CharField(help_text="Dotted path of one of settings.PROMOTION_GATES.", max_length=200)),
                (
                    "enabled",
                    models.BooleanField(default=True, help_text="Off: this model's versions are not asked this gate."),
                ),
                (
                    "options",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text='Laid over the options of the settings, such as {"days": 7}.',
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
                "verbose_name": "historical gate override",
                "verbose_name_plural": "historical gate overrides",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="GateOverride",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("gate", models.CharField(help_text="Dotted path of one of settings.PROMOTION_GATES.", max_length=200)),
                (
                    "enabled",
                    models.BooleanField(default=True, help_text="Off: this model's versions are not asked this gate."),
                ),
                (
                    "options",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text='Laid over the options of the settings, such as {"days": 7}.',
                    ),
                ),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="gate_overrides",
                        to="registry.registeredmodel",
                    ),
                ),
            ],
            options={
                "ordering": ["model", "gate"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("model", "gate"),
                        name="one_override_per_model_and_gate",
                        violation_error_message="this model has an override of that gate already: change that one",
                    ),
                    models.CheckConstraint(
                        condition=django.db.models.lookups.Exact(
                            models.Func("options", function="jsonb_typeof", output_field=models.CharField()), "object"
                        ),
                        name="options_are_given_by_name",
                    ),
                ],
            },
        ),
    ]
