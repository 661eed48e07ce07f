"""Ids grow: Postgres packs index pages full where entries come in at a range's end, not at its start."""

from django.db import migrations, models

INDEXES = {
    "by_model": {"fields": ["model", "id"]},
    "by_key": {"fields": ["key", "id"]},
    "by_reference": {"fields": ["reference", "id"], "condition": models.Q(("reference", ""), _negated=True)},
}


class Migration(migrations.Migration):
    dependencies = [("predictions", "0006_keys_notify")]

    operations = [
        *(migrations.RemoveIndex(model_name="prediction", name=f"predictions_{name}") for name in INDEXES),
        *(
            migrations.AddIndex(model_name="prediction", index=models.Index(**facts, name=f"log_{name}"))
            for name, facts in INDEXES.items()
        ),
    ]
