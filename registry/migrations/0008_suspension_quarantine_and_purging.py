"""A model can be suspended, a version put into quarantine and purged; each by a row of the ledger."""

from django.db import migrations, models

KINDS = [
    ("promote", "Promote"),
    ("rollback", "Rollback"),
    ("stage", "Stage"),
    ("archive", "Archive"),
    ("restore", "Restore"),
    ("suspend", "Suspend"),
    ("resume", "Resume"),
    ("lift", "lift the quarantine"),
    ("purge", "Purge"),
]


class Migration(migrations.Migration):
    dependencies = [("registry", "0007_moves_notify")]
    operations = [
        migrations.AddField(
            model_name="modelversion",
            name="purged_at",
            field=models.DateTimeField(editable=False, help_text="When its files were deleted.", null=True),
        ),
        migrations.AlterField(
            model_name="deployment", name="kind", field=models.CharField(choices=KINDS, max_length=10)
        ),
    ]
