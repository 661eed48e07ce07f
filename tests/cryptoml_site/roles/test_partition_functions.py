"""The two functions that run as the tables' owner: however they are called, it is about one month of the log."""

from datetime import UTC, date, datetime

import psycopg
import pytest

from predictions.ids import first_id_of
from predictions.partitions import LOG, month_start

pytestmark = pytest.mark.xdist_group("roles")

MAKE, DROP = "SELECT predictions_make_partition({})", "SELECT predictions_drop_partition({})"
BOTH = pytest.mark.parametrize("call", [MAKE, DROP])
FACTS = """
SELECT relowner::regrole::text, pg_get_expr(relpartbound, pg_class.oid), inhparent::regclass::text
FROM pg_class LEFT JOIN pg_inherits ON inhrelid = pg_class.oid WHERE pg_class.oid = to_regclass(%s)
"""


def facts(by_owner, month):
    """Owner, bounds and parent of that month's partition; None where there is none."""
    return by_owner.execute(FACTS, [f"public.{LOG}_{month:%Y_%m}"]).fetchone()


def expected(two_roles, month):
    start = month_start(datetime(month.year, month.month, month.day, tzinfo=UTC))
    low, high = first_id_of(start), first_id_of(month_start(start, months_later=1))
    return two_roles.owner, f"FOR VALUES FROM ('{low}') TO ('{high}')", LOG


@pytest.fixture
def gone_afterwards(by_owner):
    """Drops the partitions that a test makes."""
    question = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass"
    before = by_owner.execute(question, [LOG]).fetchall()
    yield
    for (name,) in set(by_owner.execute(question, [LOG]).fetchall()) - set(before):
        by_owner.execute(f"DROP TABLE {name}")


@pytest.mark.usefixtures("gone_afterwards")
@pytest.mark.parametrize("day", [date(1970, 1, 1), date(2024, 2, 29), date(2025, 12, 31), date(2031, 7, 1)])
def test_a_month_is_the_range_of_its_ids_whatever_day_names_it(day, two_roles, application, by_owner):
    assert application.execute("SELECT predictions_make_partition(%s)", [day]).fetchone() == (True,)
    assert facts(by_owner, day) == expected(two_roles, day)
    assert application.execute("SELECT predictions_make_partition(%s)", [day]).fetchone() == (False,)


@BOTH
@pytest.mark.parametrize(
    ("argument", "sqlstate"),
    [
        ("NULL", "22023"),
        ("'infinity'", "22023"),
        ("'-infinity'", "22023"),
        ("'1969-12-31'", "22023"),
        ("'9999-12-31'", "22023"),
        ("'5874897-12-31'", "22023"),
        ("'4713-01-01 BC'", "22023"),
        ("'2027-13-01'", "22008"),
        ("''", "22007"),
        ("'2027-01-01''); DROP TABLE registry_deployment; --'", "22007"),
        ("'predictions_prediction_default'", "22007"),
        ("'2027-01-01'::text", "42883"),
        ("'registry_deployment'::regclass", "42883"),
        ("'2027-01-01', '2028-01-01'", "42883"),
    ],
)
def test_what_is_no_month_of_the_log_is_refused(call, argument, sqlstate, application):
    with pytest.raises(psycopg.Error) as refused:
        application.execute(call.format(argument))
    assert refused.value.sqlstate == sqlstate


@pytest.mark.parametrize("day", ["(now() AT TIME ZONE 'UTC')::date", "(now() + interval '40 days')::date"])
def test_a_month_that_has_not_ended_is_not_dropped(day, application):
    with pytest.raises(psycopg.errors.RestrictViolation, match="has not ended"):
        application.execute(DROP.format(day))


def test_only_partitions_of_the_log_are_dropped(application, by_owner):
    by_owner.execute(f"CREATE TABLE {LOG}_2001_01 (id uuid)")
    assert application.execute(DROP.format("'2001-01-01'")).fetchone() == (False,)
    by_owner.execute(f"DROP TABLE {LOG}_2001_01")


HOSTILE = [
    "SET search_path = pg_temp, public",
    "SET TimeZone = 'Etc/GMT-14'",
    "SET DateStyle = 'SQL, DMY'",
    "SET standard_conforming_strings = off",
    "SET lock_timeout = 0",
    f"CREATE TEMPORARY TABLE {LOG} (id uuid)",
    f"CREATE TEMPORARY TABLE {LOG}_default (id uuid, evil text)",
    f"CREATE TEMPORARY TABLE {LOG}_2031_05 (id uuid)",
    "CREATE TEMPORARY TABLE pg_inherits (inhparent regclass, inhrelid regclass)",
    "CREATE TYPE pg_temp.date AS (evil integer)",
    *(
        f"CREATE FUNCTION pg_temp.{name} LANGUAGE plpgsql AS $$ BEGIN RAISE 'called'; END $$"
        for name in (
            "to_regclass(text) RETURNS regclass",
            "to_char(timestamp, text) RETURNS text",
            "format(text, VARIADIC text[]) RETURNS text",
            "now() RETURNS timestamptz",
        )
    ),
]


@pytest.mark.usefixtures("gone_afterwards")
def test_nothing_of_the_callers_session_comes_into_the_function(two_roles, application, by_owner):
    """Settings, tables, types and functions that a caller makes in its temporary schema stay outside."""
    for statement in HOSTILE:
        application.execute(statement)
    assert application.execute("SELECT public.predictions_make_partition('2031-05-31')").fetchone() == (True,)
    assert facts(by_owner, date(2031, 5, 1)) == expected(two_roles, date(2031, 5, 1))
    assert application.execute("SELECT public.predictions_make_partition('2001-05-01')").fetchone() == (True,)
    assert application.execute("SELECT public.predictions_drop_partition('2001-05-01')").fetchone() == (True,)
    assert facts(by_owner, date(2001, 5, 1)) is None


@BOTH
def test_a_busy_log_is_waited_for_200_ms_whatever_the_caller_sets(call, two_roles, application, by_owner):
    by_owner.execute("SELECT predictions_make_partition('2001-02-01')")
    application.execute("SET lock_timeout = '1h'; SET statement_timeout = '5s'")
    with two_roles.connect(two_roles.owner) as reader, reader.transaction():
        reader.execute(f"SELECT count(*) FROM {LOG}")  # noqa: S608
        with pytest.raises(psycopg.errors.LockNotAvailable):
            application.execute(call.format("'2001-02-01'" if call == DROP else "'2001-03-01'"))
    assert application.execute("SHOW lock_timeout").fetchone() == ("1h",)
    assert application.execute(DROP.format("'2001-02-01'")).fetchone() == (True,)


@BOTH
def test_nobody_else_may_call_them(call, two_roles):
    with two_roles.connect(two_roles.stranger) as stranger, pytest.raises(psycopg.errors.InsufficientPrivilege):
        stranger.execute(call.format("'2001-01-01'"))
