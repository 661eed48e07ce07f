from django.apps import AppConfig
from django.db import connection
from django.db.models.signals import post_migrate

from monitoring.alerts.defaults import ensure_rules

RULES = "monitoring_alertrule"


class MonitoringConfig(AppConfig):
    name = "monitoring"
    verbose_name = "Monitoring"

    def ready(self) -> None:
        post_migrate.connect(make_rules, sender=self, dispatch_uid="monitoring.rules")


def make_rules(**kwargs: object) -> None:
    """`migrate` leaves a rule of each kind; an idempotent receiver, as STYLE allows."""
    if RULES in connection.introspection.table_names():  # not where the migrations were taken back
        ensure_rules()
