"""The first answer about each close is found without reading the million others about it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("predictions", "0014_client_outcomes")]

    operations = [
        migrations.AddIndex(
            model_name="prediction",
            index=models.Index(
                condition=models.Q(("as_of__isnull", False)),
                fields=["version", "role", "as_of", "id"],
                name="log_by_close",
            ),
        ),
    ]
