"""Answers of another role than production's, and those that abstained, are found without a walk through all others."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("predictions", "0015_log_by_close")]

    operations = [
        migrations.AddIndex(
            model_name="prediction",
            index=models.Index(condition=~models.Q(role="production"), fields=["role", "id"], name="log_by_other_role"),
        ),
        migrations.AddIndex(
            model_name="prediction",
            index=models.Index(condition=models.Q(direction__isnull=True), fields=["id"], name="log_of_abstained"),
        ),
    ]
