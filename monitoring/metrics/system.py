"""How the machine and what works on it are: beside the counts, for who watches both."""

from __future__ import annotations

import shutil
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Min, Sum
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from cryptoml_site.clock import now
from monitoring.health import VALKEY_PATIENCE, system_json
from monitoring.models import Alert, Watermark, WorkerHeartbeat
from monitoring.models.heartbeats import BEAT
from predictions.models import WebProcess
from training.models import Market, Outcome

QUEUES = tuple(
    sorted({settings.CELERY_TASK_DEFAULT_QUEUE, *(route["queue"] for route in settings.CELERY_TASK_ROUTES.values())})
)


def system() -> dict[str, Any]:
    """Ages in seconds; null where there is nothing to have one, and where who knows does not answer."""
    at, disk = now(), shutil.disk_usage(settings.CRYPTOML_HOME)
    alive = WebProcess.objects.alive(at)
    markets = list(Market.objects.with_newest().order_by("name"))
    waiting = Outcome.objects.due(at).aggregate(oldest=Min("matures_at"))["oldest"]
    mark = Watermark.objects.filter(pk=1).first()
    return {
        **system_json(disk.free / disk.total),
        "queues": queue_lengths(),
        "newest_candle_age_seconds": {market.name: _candle_age(market, at) for market in markets},
        "candle_due_after_seconds": {market.name: _due_after(market) for market in markets if not market.ended},
        "oldest_unsettled_answer_age_seconds": _age(waiting, at),
        "spool_rows": alive.aggregate(rows=Sum("spool_rows"))["rows"] or 0,
        "web_processes_alive": alive.count(),
        "workers_alive": WorkerHeartbeat.objects.alive(at).exclude(duties__contains=[BEAT]).count(),
        "open_alerts": Alert.objects.open().count(),
        "beat_age_seconds": _age(_newest_beat(), at),
        "roll_up_age_seconds": _age(mark.passed_at if mark else None, at),  # beat, the broker and a worker made it
    }


def _newest_beat() -> datetime | None:
    beats = WorkerHeartbeat.objects.filter(duties__contains=[BEAT])
    return beats.order_by("-seen_at").values_list("seen_at", flat=True).first()


def queue_lengths() -> dict[str, int | None]:
    """Messages that no worker has taken yet."""
    try:
        with Redis.from_url(
            settings.REDIS_URL,
            socket_timeout=VALKEY_PATIENCE,
            socket_connect_timeout=VALKEY_PATIENCE,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            driver_info=None,
        ) as valkey:
            pipeline = valkey.pipeline(transaction=False)
            for queue in QUEUES:
                pipeline.llen(queue)
            return dict(zip(QUEUES, pipeline.execute(), strict=True))
    except RedisError:
        return dict.fromkeys(QUEUES)


def _candle_age(market: Market, at: datetime) -> float | None:
    """Since its newest candle closed."""
    return _age(market.newest_opened_at and market.known_at(market.newest_opened_at), at)


def _due_after(market: Market) -> float:
    """The age beyond which the next candle is overdue."""
    return (market.step + market.grace).total_seconds()


def _age(moment: datetime | None, at: datetime) -> float | None:
    return None if moment is None else round((at - moment).total_seconds(), 3)
