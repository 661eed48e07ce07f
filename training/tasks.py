"""Tasks of training that need no fitting stack."""

import logging

from celery import shared_task

from cryptoml_site.errors import Refused
from registry.models import RegisteredModel
from training.fetch_queue import FETCH, enqueue_due_fetches, enqueue_forecasts
from training.market_data.fetch import fetch_candles
from training.models import Market, TrainingRun
from training.queueing import FOLLOW_POLICY, enqueue, sweep
from training.retraining import follow_policy, retrain_due

PATIENCE = 60.0  # seconds that a question to a provider may wait: other markets wait behind it
logger = logging.getLogger(__name__)


@shared_task(name="data.sweep_training_runs")
def sweep_training_runs() -> None:
    sweep()


@shared_task(name="data.retrain_due")
def queue_due_runs() -> None:
    """By the models' retraining policies."""
    retrain_due()


@shared_task(name=FOLLOW_POLICY)
def follow_policy_of(run_id: int) -> None:
    """What a killed trainer left undone once the version was registered."""
    follow_policy(TrainingRun.objects.get(pk=run_id))


@shared_task(name="data.queue_training_run")
def queue_training_run(model: str, feature_set: str = "classic", estimator: str = "random_forest") -> None:
    """For a schedule in the admin, with `{"model": NAME}` as its keyword arguments: a new candidate each time, at
    whatever moment the schedule names. A retraining policy does more: limits, and what becomes of the version.

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


@shared_task(name="data.fetch_candles")
def fetch_due_candles() -> None:
    """Have every market fetched whose next candle is to be had before this runs again."""
    logger.info("%s markets are to be fetched", enqueue_due_fetches())


@shared_task(name=FETCH)
def fetch_market(pk: int) -> None:
    """What keeps the source from answering is on the market's page, and the market is due again after a pause."""
    market = Market.objects.get(pk=pk)
    try:
        report = fetch_candles(market, patience=PATIENCE)
    except Refused as refusal:
        logger.warning("%s was not fetched: %s", market, refusal)
        return
    logger.info("%s", report)
    if report.stored.inserted:
        enqueue_forecasts(market)
