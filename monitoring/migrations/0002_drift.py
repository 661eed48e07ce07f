import django.db.models.deletion
from django.db import migrations, models

import cryptoml_site.clock
import monitoring.models.drift_checks


class Migration(migrations.Migration):
    dependencies = [
        ("monitoring", "0001_rollups"),
        ("registry", "0011_answer_policies"),
    ]

    operations = [
        migrations.CreateModel(
            name="DriftCheck",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=monitoring.models.drift_checks.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("asked_by", models.CharField(max_length=100)),
                ("asked_at", models.DateTimeField(default=cryptoml_site.clock.now)),
                (
                    "state",
                    models.CharField(
                        choices=[("queued", "Queued"), ("done", "Done"), ("failed", "Failed")],
                        default="queued",
                        max_length=6,
                    ),
                ),
                ("error", models.TextField(blank=True)),
                ("checked_at", models.DateTimeField(null=True)),
                (
                    "status",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("not_calibrated", "Not Calibrated"),
                            ("ok", "Ok"),
                            ("warning", "Warning"),
                            ("alert", "Alert"),
                        ],
                        help_text="The worst of its channels.",
                        max_length=14,
                    ),
                ),
                (
                    "source",
                    models.CharField(
                        blank=True,
                        choices=[("answers", "the log's answers"), ("candles", "the market's candles")],
                        max_length=7,
                    ),
                ),
                ("rows", models.PositiveIntegerField(help_text="How many rows were looked at.", null=True)),
                (
                    "first_at",
                    models.DateTimeField(help_text="Of the oldest of them: as_of, or when it was answered.", null=True),
                ),
                ("last_at", models.DateTimeField(null=True)),
                (
                    "channels",
                    models.JSONField(
                        default=dict, help_text="By name: its status, whether it is over, and the figures."
                    ),
                ),
                (
                    "features",
                    models.JSONField(
                        default=list, help_text="Of each: ks, z, psi, wasserstein, effective_n, p, contribution."
                    ),
                ),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="drift_checks",
                        to="registry.registeredmodel",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="drift_checks",
                        to="registry.modelversion",
                    ),
                ),
            ],
            options={
                "ordering": ["-asked_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="DriftEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "channel",
                    models.CharField(
                        choices=[
                            ("integrity", "integrity: faults of data or pipeline"),
                            ("distribution", "distribution of the features"),
                            ("prediction", "distribution of the answers"),
                            ("outcome", "outcomes: answers go wrong"),
                        ],
                        max_length=12,
                    ),
                ),
                ("sentence", models.TextField(help_text="What was found first.")),
                ("opened_at", models.DateTimeField()),
                ("alarms", models.PositiveIntegerField(default=1, help_text="Checks that were alarmed since.")),
                ("calm", models.PositiveIntegerField(default=0, help_text="Checks in a row that were not.")),
                ("acknowledged_at", models.DateTimeField(null=True)),
                ("acknowledged_by", models.CharField(blank=True, max_length=100)),
                ("closed_at", models.DateTimeField(null=True)),
                ("closed_by", models.CharField(blank=True, max_length=100)),
                ("note", models.TextField(blank=True, help_text="What people say of it.")),
                (
                    "first_check",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="monitoring.driftcheck"
                    ),
                ),
                (
                    "last_check",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="monitoring.driftcheck"
                    ),
                ),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="drift_events",
                        to="registry.registeredmodel",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="drift_events",
                        to="registry.modelversion",
                    ),
                ),
            ],
            options={
                "ordering": ["-opened_at", "-id"],
            },
        ),
        migrations.AddIndex(
            model_name="driftcheck",
            index=models.Index(fields=["model", "-checked_at"], name="drift_checks_by_model"),
        ),
        migrations.AddConstraint(
            model_name="driftcheck",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "queued")), fields=("model",), name="one_drift_check_waits_per_model"
            ),
        ),
        migrations.AddConstraint(
            model_name="driftcheck",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "done"), _negated=True),
                    models.Q(
                        ("checked_at__isnull", False),
                        ("version__isnull", False),
                        models.Q(("status", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="a_done_drift_check_has_its_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="driftcheck",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "failed"), _negated=True),
                    models.Q(("error", ""), _negated=True),
                    _connector="OR",
                ),
                name="a_failed_drift_check_has_its_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="driftevent",
            constraint=models.UniqueConstraint(
                condition=models.Q(("closed_at", None)),
                fields=("model", "channel"),
                name="one_open_incident_per_model_and_channel",
            ),
        ),
        migrations.AddConstraint(
            model_name="driftevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_at", None), ("closed_by", "")),
                    models.Q(("closed_at__gte", models.F("opened_at")), models.Q(("closed_by", ""), _negated=True)),
                    _connector="OR",
                ),
                name="who_closed_an_incident_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="driftevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("acknowledged_at", None), ("acknowledged_by", "")),
                    models.Q(("acknowledged_at__isnull", False), models.Q(("acknowledged_by", ""), _negated=True)),
                    _connector="OR",
                ),
                name="who_acknowledged_an_incident_is_known",
            ),
        ),
    ]
