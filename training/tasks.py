"""Tasks of training that need no fitting stack."""

from celery import shared_task

from registry.models import RegisteredModel
from training.models import Market, TrainingRun
from training.queueing import enqueue, sweep


@shared_task(name="data.sweep_training_runs")
def sweep_training_runs() -> None:
    sweep()


@shared_task(name="data.queue_training_run")
def queue_training_run(model: str, feature_set: str = "classic", estimator: str = "random_forest") -> None:
    """For a schedule in the admin, with `{"model": NAME}` as its keyword arguments: a new candidate each time.

    A run of the model that still waits stands for this one too. What cannot be trained is refused by the trainer, and
    the run keeps the reason.
    """
    wanted = RegisteredModel.objects.named(model)
    if not wanted.training_runs.queued().exists():
        enqueue(
            TrainingRun.objects.create(
                model=wanted,
                market=Market.objects.named(wanted.market),
                feature_set=feature_set,
                estimator=estimator,
                actor="schedule:retrain",
            )
        )
