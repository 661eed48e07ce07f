from django.apps import AppConfig
from django.db.models.signals import post_migrate

from predictions.partitions import ensure_partitions, partitions_can_be_made


class PredictionsConfig(AppConfig):
    name = "predictions"
    verbose_name = "Predictions"

    def ready(self) -> None:
        post_migrate.connect(make_partitions, sender=self, dispatch_uid="predictions.partitions")


def make_partitions(**kwargs: object) -> None:
    """`migrate` leaves a log that can be written to for three months; an idempotent receiver, as STYLE allows."""
    if partitions_can_be_made():
        ensure_partitions(months_ahead=3)
