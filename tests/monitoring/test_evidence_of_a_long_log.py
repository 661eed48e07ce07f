"""However many answers there are about a candle, and however long the log, what came of them is told at once."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from monitoring.evidence import ANSWERED, answered
from tests.factories import make_market, make_version
from tests.monitoring.long_log import fill, settle_all

UNTIL = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOURS = 300

pytestmark = [pytest.mark.django_db, pytest.mark.long]


@pytest.mark.parametrize("rows", [1_000_000])
def test_a_million_answers(rows, set_clock):
    set_clock(UNTIL.isoformat())
    market, version = make_market("bitcoin-usd-1h"), make_version()
    version.model.market = market.name
    version.model.save()
    began = time.perf_counter()
    fill(version, market, rows=rows, hours=HOURS, until=UNTIL)
    settle_all(market, hours=HOURS, until=UNTIL)
    print("filled", time.perf_counter() - began)
    asked = {
        "models": [version.model_id],
        "versions": [version.pk],
        "role": "production",
        "since": UNTIL - timedelta(days=30),
        "most": 20000,
        "up": "up",
    }
    for _ in range(3):
        began = time.perf_counter()
        found = answered([version], since=UNTIL - timedelta(days=30), most=20_000)[version.model_id]
        print("asked", time.perf_counter() - began, len(found))
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, BUFFERS) " + ANSWERED, asked)
        print("\n".join(row[0] for row in cursor.fetchall()))
        cursor.execute(
            "select relname, pg_size_pretty(pg_relation_size(oid)) from pg_class where relname like 'predictions_prediction_2026_11%'"
        )
        print(cursor.fetchall())
