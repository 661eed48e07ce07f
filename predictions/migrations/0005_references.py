"""A client's own text for an answer, found by an index that holds nothing of answers without one."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("predictions", "0004_response_minutes")]

    operations = [
        migrations.AddField(
            model_name="prediction",
            name="reference",
            field=models.CharField(blank=True, default="", help_text="The client's own text.", max_length=64),
        ),
        migrations.RunSQL("ALTER TABLE predictions_prediction ALTER reference SET DEFAULT ''", migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="prediction",
            index=models.Index(
                condition=models.Q(("reference", ""), _negated=True),
                fields=["reference", "-id"],
                name="predictions_by_reference",
            ),
        ),
    ]
