from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("training", "0002_runs_are_attempted_and_logged"),
    ]

    operations = [
        migrations.AddField(
            model_name="candle",
            name="suspect",
            field=models.CharField(
                blank=True,
                choices=[("outlier", "it leapt by more than 10 sigmas, and the next candle took it back")],
                default="",
                help_text="Why its close is not believed.",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="candle",
            name="cleared",
            field=models.TextField(
                blank=True,
                default="",
                help_text="Who said that it is right all the same, and why; a revision takes it back.",
            ),
        ),
        migrations.AddIndex(
            model_name="candle",
            index=models.Index(condition=Q(suspect__gt=""), fields=["market", "opened_at"], name="suspect_candles"),
        ),
        migrations.AddIndex(
            model_name="candle",
            index=models.Index(condition=Q(revision__gt=0), fields=["market", "opened_at"], name="revised_candles"),
        ),
    ]
