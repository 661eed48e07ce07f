"""A log as long as is asked for, made within Postgres: hourly candles, and answers spread evenly about them."""

from datetime import timedelta

from django.db import connection

from predictions.models import Prediction
from training.models import Outcome

HOUR = timedelta(hours=1)

# In the order of time, of one version after the other.
ANSWERS = """
INSERT INTO predictions_prediction (
    id, made_at, model_id, version_id, generation, role, actor, market, horizon, as_of, target_at, candles_sha256,
    vector, probability_up, direction, simulated, warnings, reference
)
SELECT
    (lpad(to_hex((1000 * extract(epoch FROM made_at))::bigint), 12, '0') || '7' || lpad(to_hex(n %% 4096), 3, '0')
        || '8' || lpad(to_hex(n), 15, '0'))::uuid,
    made_at, answering.model, answering.version, 1, %(role)s, 'key:ab12cd34', answering.market, 1, as_of,
    as_of + interval '2 hours', '', '{1,1,1,1,1,1,1,1,1}', CASE WHEN n %% 3 = 0 THEN 0.4 ELSE 0.6 END,
    CASE WHEN n %% 3 = 0 THEN 'down' ELSE 'up' END, false, '{}', ''
FROM generate_series(0, %(rows)s - 1) AS n
JOIN unnest(%(models)s::bigint[], %(versions)s::bigint[], %(markets)s::text[])
    WITH ORDINALITY AS answering (model, version, market, place) ON place = n %% %(count)s + 1
CROSS JOIN LATERAL (
    SELECT %(first)s::timestamptz + (n + 0.5) * %(hours)s::float8 / %(rows)s * interval '1 hour' AS made_at
) AS made
CROSS JOIN LATERAL (SELECT date_trunc('hour', made_at - interval '1 hour') AS as_of) AS seen
"""


def fill(versions, *, rows, hours, until, role=Prediction.Role.PRODUCTION):
    """`rows` answers about the last `hours` candles; the newest was given just before `until`."""
    asked = {
        "models": [version.model_id for version in versions],
        "versions": [version.pk for version in versions],
        "markets": [version.model.market for version in versions],
        "count": len(versions),
        "role": role,
        "rows": rows,
        "hours": hours,
        "first": until - hours * HOUR,
    }
    with connection.cursor() as cursor:
        cursor.execute(ANSWERS, asked)
        cursor.execute("ANALYZE predictions_prediction")


def settle_all(market, *, hours, until):
    """An outcome of each of those candles; up twice in three."""
    Outcome.objects.bulk_create(
        Outcome(
            market=market,
            as_of=as_of,
            horizon=1,
            matures_at=as_of + 2 * HOUR,
            status=Outcome.Status.SETTLED,
            close_at_start=1.0,
            close_at_end=1.0,
            log_return=0.01 if hour % 3 else -0.01,
            settled_at=as_of + 2 * HOUR,
        )
        for hour in range(hours)
        for as_of in [until - (hour + 2) * HOUR]
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE training_outcome")
