import django.db.models.deletion
from django.db import migrations, models

import cryptoml_site.clock


class Migration(migrations.Migration):
    dependencies = [
        ("training", "0006_retraining_policies"),
    ]

    operations = [
        migrations.CreateModel(
            name="FetchState",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("asked_at", models.DateTimeField(default=cryptoml_site.clock.now)),
                ("answered_at", models.DateTimeField(help_text="When the source gave an answer last.", null=True)),
                ("error", models.TextField(blank=True, help_text="Why it gave none the last time.")),
                (
                    "vain",
                    models.PositiveIntegerField(
                        default=0, help_text="How often in a row a candle was due and none came."
                    ),
                ),
                ("next_at", models.DateTimeField(default=cryptoml_site.clock.now)),
                (
                    "market",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="fetch_state",
                        to="training.market",
                    ),
                ),
            ],
        ),
    ]
