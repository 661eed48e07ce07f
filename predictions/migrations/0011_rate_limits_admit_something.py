"""A limit of no requests was taken for none of its own; now it cannot be stored."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("predictions", "0010_scope_to_override_gates")]
    operations = [
        migrations.RunSQL(
            "UPDATE predictions_apikey SET rate_limit = NULL WHERE rate_limit = 0", migrations.RunSQL.noop
        ),
        migrations.AddConstraint(
            "apikey",
            models.CheckConstraint(
                condition=Q(rate_limit__isnull=True) | Q(rate_limit__gte=1), name="a_rate_limit_admits_something"
            ),
        ),
    ]
