from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0004_imports_are_attempted"),
    ]

    operations = [
        migrations.AlterField(
            model_name="modelversion",
            name="data_start",
            field=models.DateTimeField(
                help_text="Open time of the first candle it was trained on; unknown of an imported one.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="modelversion",
            name="data_end",
            field=models.DateTimeField(help_text="Open time of the last candle it was trained on.", null=True),
        ),
        migrations.AlterField(
            model_name="modelversion",
            name="data_sha256",
            field=models.CharField(blank=True, max_length=64),
        ),
    ]
