import django.db.models.deletion
from django.db import migrations, models

import cryptoml_site.clock


class Migration(migrations.Migration):
    dependencies = [
        ("training", "0004_runs_have_options"),
    ]

    operations = [
        migrations.CreateModel(
            name="Trial",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "number",
                    models.PositiveIntegerField(help_text="Within its run; 0 is of the parameters as given."),
                ),
                ("params", models.JSONField()),
                (
                    "state",
                    models.CharField(
                        choices=[("complete", "complete"), ("pruned", "pruned"), ("failed", "failed")], max_length=10
                    ),
                ),
                (
                    "log_loss",
                    models.FloatField(help_text="Mean over the rows that it answered.", null=True),
                ),
                (
                    "losses",
                    models.JSONField(help_text="Mean log loss of each stretch of these rows."),
                ),
                (
                    "blocks",
                    models.JSONField(
                        help_text="Of each stretch of time: number, sum and sum of squares of returns after costs."
                    ),
                ),
                (
                    "sharpe",
                    models.FloatField(help_text="Ratio per candle after costs; none where it never moved.", null=True),
                ),
                ("seconds", models.FloatField()),
                ("rows_sha256", models.CharField(help_text="Of the rows that it was tried on.", max_length=64)),
                (
                    "until",
                    models.DateTimeField(help_text="Open time of the newest candle that one of them sees."),
                ),
                ("error", models.TextField(blank=True)),
                ("created_at", models.DateTimeField(default=cryptoml_site.clock.now)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="trials", to="training.trainingrun"
                    ),
                ),
            ],
            options={
                "ordering": ["run", "number"],
                "constraints": [
                    models.UniqueConstraint(fields=("run", "number"), name="one_trial_of_each_number_in_a_run"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "complete"), _negated=True), ("log_loss__isnull", False), _connector="OR"
                        ),
                        name="a_complete_trial_has_a_log_loss",
                    ),
                ],
            },
        ),
    ]
