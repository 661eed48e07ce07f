"""A scope of its own for who may promote although a gate does not pass; keys that may do everything get it too."""

import django.contrib.postgres.fields
from django.db import migrations, models
from django.db.models import Q

SCOPES = [
    ("predict", "ask for answers"),
    ("predictions:read", "read its own answers"),
    ("predictions:read_all", "read everybody's answers"),
    ("metrics:read", "read metrics and reports"),
    ("registry:read", "read versions, deployments and markets"),
    ("registry:write", "promote and roll back"),
    ("registry:override", "promote although a gate does not pass"),
    ("drift:write", "run a drift check"),
]
NAME = "a_key_has_known_scopes_only"
EVERYTHING_SO_FAR = """
UPDATE predictions_apikey SET scopes = array_append(scopes, 'registry:override')
WHERE scopes @> ARRAY['predict', 'predictions:read', 'predictions:read_all', 'metrics:read', 'registry:read',
                      'registry:write', 'drift:write']::varchar[]
"""
TAKE_BACK = "UPDATE predictions_apikey SET scopes = array_remove(scopes, 'registry:override')"


class Migration(migrations.Migration):
    dependencies = [("predictions", "0009_partitions_by_functions")]
    operations = [
        migrations.RemoveConstraint("apikey", NAME),
        migrations.AlterField(
            "apikey",
            "scopes",
            django.contrib.postgres.fields.ArrayField(
                models.CharField(choices=SCOPES, max_length=32), default=list, size=None
            ),
        ),
        migrations.RunSQL(EVERYTHING_SO_FAR, TAKE_BACK),
        migrations.AddConstraint(
            "apikey",
            models.CheckConstraint(condition=Q(scopes__contained_by=[scope for scope, _ in SCOPES]), name=NAME),
        ),
    ]
