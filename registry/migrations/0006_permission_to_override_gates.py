from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0005_an_imported_versions_data_is_unknown"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="modelversion",
            options={
                "ordering": ["-number"],
                "permissions": [("override_gates", "May promote although a gate does not pass")],
            },
        ),
    ]
