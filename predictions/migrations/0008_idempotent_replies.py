"""Replies to requests with an Idempotency-Key, kept for a day."""

from django.db import migrations, models

import cryptoml_site.clock


class Migration(migrations.Migration):
    dependencies = [("predictions", "0007_ascending_indexes")]

    operations = [
        migrations.CreateModel(
            name="IdempotentReply",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("caller", models.CharField(help_text="As an actor.", max_length=100)),
                ("key", models.CharField(help_text="The client's own, from Idempotency-Key.", max_length=255)),
                ("path", models.CharField(help_text="Without /api/v1.", max_length=100)),
                ("body_sha256", models.CharField(help_text="Of the request's body, its names sorted.", max_length=64)),
                ("reply", models.BinaryField()),
                ("model", models.CharField(help_text="Which answered.", max_length=64)),
                ("version", models.PositiveIntegerField(help_text="The number of the version that answered.")),
                ("created_at", models.DateTimeField(default=cryptoml_site.clock.now)),
            ],
            options={
                "ordering": ["-created_at"],
                "verbose_name_plural": "idempotent replies",
                "constraints": [models.UniqueConstraint(fields=("caller", "key"), name="one_reply_per_caller_and_key")],
                "indexes": [models.Index(fields=["created_at"], name="idempotent_replies_by_age")],
            },
        ),
    ]
