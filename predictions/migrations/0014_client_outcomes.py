from django.db import migrations, models

import cryptoml_site.clock


class Migration(migrations.Migration):
    dependencies = [
        ("predictions", "0013_late_minutes"),
    ]

    operations = [
        migrations.CreateModel(
            name="ClientOutcome",
            fields=[
                ("prediction_id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("log_return", models.FloatField(null=True)),
                ("direction", models.CharField(choices=[("up", "Up"), ("down", "Down")], max_length=4, null=True)),
                ("given_by", models.CharField(max_length=100)),
                ("given_at", models.DateTimeField(default=cryptoml_site.clock.now)),
            ],
            options={
                "ordering": ["-given_at"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("direction__isnull", True), ("log_return__isnull", False)),
                            models.Q(
                                ("direction__in", ["up", "down"]),
                                ("direction__isnull", False),
                                ("log_return__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="an_outcome_is_a_return_or_a_direction",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("log_return__isnull", True),
                            models.Q(("log_return__gt", float("-inf")), ("log_return__lt", float("inf"))),
                            _connector="OR",
                        ),
                        name="a_return_is_finite",
                    ),
                ],
            },
        ),
    ]
