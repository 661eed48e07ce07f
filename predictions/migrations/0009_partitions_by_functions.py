"""The log's partitions are made and dropped by two functions, so that the application's role need not own the log.

Each takes a month and works everything else out for itself: no name and no bound comes from the caller. They run as the
role that migrates, with `pg_catalog` alone to look names up in: nothing that a caller could make stands in their way.

A partition is filled first and attached then: ATTACH lets the log's inserts go on, which PARTITION OF does not.
"""

from django.db import migrations

HEAD = """
CREATE FUNCTION {name}(month date) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '200ms' AS $$
DECLARE
    today date := now() AT TIME ZONE 'UTC';
    partition text;
    first_day date;
    next_month date;
    low uuid;
    high uuid;
BEGIN
    IF (month BETWEEN '1970-01-01' AND today + 3653) IS NOT TRUE THEN
        RAISE EXCEPTION 'the log has no month of %', coalesce(month::text, 'null')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'name a day from 1970 on, at most ten years ahead';
    END IF;
    first_day := date_trunc('month', month::timestamp);
    next_month := first_day + interval '1 month';
    partition := 'predictions_prediction_' || to_char(first_day::timestamp, 'YYYY_MM');
"""
MAKE = """
    IF to_regclass('public.' || partition) IS NOT NULL THEN
        RETURN false;
    END IF;
    LOCK TABLE public.predictions_prediction_default IN SHARE ROW EXCLUSIVE MODE;  -- no stray in between
    IF to_regclass('public.' || partition) IS NOT NULL THEN  -- made by another, while this one waited
        RETURN false;
    END IF;
    -- the lowest UUIDv7 of each month: its first 48 bits are milliseconds
    low := rpad(lpad(to_hex(1000 * extract(epoch FROM first_day)::bigint), 12, '0'), 32, '0')::uuid;
    high := rpad(lpad(to_hex(1000 * extract(epoch FROM next_month)::bigint), 12, '0'), 32, '0')::uuid;
    EXECUTE format('CREATE TABLE public.%I (LIKE public.predictions_prediction INCLUDING ALL)', partition);
    EXECUTE format(
        'WITH strays AS (DELETE FROM public.predictions_prediction_default WHERE id >= %L AND id < %L RETURNING *) '
        'INSERT INTO public.%I SELECT * FROM strays', low, high, partition);
    EXECUTE format(
        'ALTER TABLE public.predictions_prediction ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
        partition, low, high);
    RETURN true;
END $$;
"""
DROP = """
    IF next_month > today THEN
        RAISE EXCEPTION 'the month of % has not ended', first_day
            USING ERRCODE = 'restrict_violation', HINT = 'the log is dropped by whole months that are past';
    END IF;
    PERFORM FROM pg_inherits
        WHERE inhparent = 'public.predictions_prediction'::regclass AND inhrelid = to_regclass('public.' || partition);
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    EXECUTE format('DROP TABLE IF EXISTS public.%I', partition);
    RETURN true;
END $$;
"""
MAKER, DROPPER = "predictions_make_partition", "predictions_drop_partition"
FOR_NOBODY = f"REVOKE ALL ON FUNCTION {MAKER}(date), {DROPPER}(date) FROM PUBLIC;"


class Migration(migrations.Migration):
    dependencies = [("predictions", "0008_idempotent_replies")]
    operations = [
        migrations.RunSQL(
            HEAD.format(name=MAKER) + MAKE + HEAD.format(name=DROPPER) + DROP + FOR_NOBODY,
            f"DROP FUNCTION {MAKER}(date); DROP FUNCTION {DROPPER}(date);",
        )
    ]
