from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0003_tags_edits_and_imports"),
    ]

    operations = [
        migrations.AddField(
            model_name="modelimport",
            name="attempts",
            field=models.PositiveSmallIntegerField(default=0, help_text="How often a worker took it."),
        ),
        migrations.AddField(
            model_name="modelimport",
            name="code",
            field=models.CharField(blank=True, help_text="Of the refusal, for programs.", max_length=64),
        ),
    ]
