"""Tasks of training that need no fitting stack."""

from celery import shared_task

from training.queueing import sweep


@shared_task(name="data.sweep_training_runs")
def sweep_training_runs() -> None:
    sweep()
