"""What is forgotten: minutes and hours once longer spans hold them, and months of the log where somebody wants that."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from cryptoml_site.clock import now
from monitoring.metrics.passes import lock
from monitoring.metrics.spans import Span, floor, following
from monitoring.models import AnswerCount, ResponseCount, Watermark
from predictions.models import LateMinute, ResponseMinute
from predictions.partitions import LOG, drop_partition, month_start

MINUTES_KEPT = timedelta(days=35)
HOURS_KEPT = timedelta(days=400)  # 13 months
TOLD_KEPT = timedelta(days=2)  # what each process said of its minutes

_PARTITIONS = """
SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
WHERE inhparent = 'predictions_prediction'::regclass ORDER BY relname
"""


def forget_counts() -> int:
    """Delete minutes and hours that days hold too, and say how many; as far as these are final."""
    with transaction.atomic():
        lock()
        mark = Watermark.objects.filter(pk=1).first()
        if mark is None:
            return 0
        mark.minutes_from = floor(mark.final_to - MINUTES_KEPT, Span.HOUR)
        mark.hours_from = floor(mark.final_to - HOURS_KEPT, Span.DAY)
        mark.save(update_fields=["minutes_from", "hours_from"])
        deleted = ResponseMinute.objects.filter(minute__lt=mark.final_to - TOLD_KEPT).delete()[0]
        for span, kept_from in ((Span.MINUTE, mark.minutes_from), (Span.HOUR, mark.hours_from)):
            for counts in (AnswerCount, ResponseCount):
                deleted += counts.objects.filter(span=span, began_at__lt=kept_from).delete()[0]
        return deleted


def forget_log() -> list[str]:
    """Drop the months of the log that are older than LOG_RETENTION_MONTHS whole ones and counted; their names.

    0 keeps all. Raises what drop_partition raises where the log stays busy.
    """
    if not settings.LOG_RETENTION_MONTHS:
        return []
    kept_from = month_start(now(), months_later=-settings.LOG_RETENTION_MONTHS)
    old = [month for month in _months() if month < kept_from and _is_counted(month)]
    return [f"{month:%Y-%m}" for month in old if drop_partition(month)]


def _months() -> list[datetime]:
    with connection.cursor() as cursor:
        cursor.execute(_PARTITIONS)
        found = [re.fullmatch(rf"{LOG}_(\d{{4}})_(\d{{2}})", name) for (name,) in cursor.fetchall()]
    return [datetime(int(each[1]), int(each[2]), 1, tzinfo=UTC) for each in found if each]


def _is_counted(month: datetime) -> bool:
    end = following(month, Span.MONTH)
    late = LateMinute.objects.filter(minute__gte=month, minute__lt=end)
    return Watermark.objects.filter(pk=1, final_to__gte=end).exists() and not late.exists()
