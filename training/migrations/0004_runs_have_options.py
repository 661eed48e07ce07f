from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("training", "0003_suspect_candles"),
    ]

    operations = [
        migrations.AddField(
            model_name="trainingrun",
            name="options",
            field=models.JSONField(default=dict, help_text="Of the recipe: what differs from training.recipe.Options."),
        ),
    ]
