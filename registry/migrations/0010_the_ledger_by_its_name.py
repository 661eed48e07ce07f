"""People call it the ledger."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("registry", "0009_gate_overrides")]
    operations = [
        migrations.AlterModelOptions(
            "deployment",
            {
                "ordering": ["-generation"],
                "verbose_name": "row of the ledger",
                "verbose_name_plural": "rows of the ledger",
            },
        )
    ]
