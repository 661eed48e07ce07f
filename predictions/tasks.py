"""What happens at each close, and by the hour and day."""

import logging

from celery import shared_task

from predictions.forecasting import forecast_closes
from predictions.idempotency import forget_expired
from predictions.partitions import ensure_partitions
from training.market_data.simulate import extend_all_simulated
from training.outcomes import settle_due

logger = logging.getLogger(__name__)


@shared_task(name="data.follow_markets")
def follow_markets() -> None:
    """Candles first, then forecasts, then outcomes: each step commits, and finds for itself what is left to do."""
    candles = extend_all_simulated()
    forecasts = forecast_closes()
    outcomes = settle_due()
    logger.info("%s candles made; %s; %s", candles, forecasts, outcomes)


@shared_task(name="data.ensure_partitions")
def ensure_partitions_task() -> None:
    """The log's next months, made ahead."""
    ensure_partitions(months_ahead=3)


@shared_task(name="data.forget_idempotent_replies")
def forget_idempotent_replies() -> None:
    """Those that no client may ask for again."""
    logger.info("%s idempotent replies forgotten", forget_expired())
