"""The application's role tries every way to change the ledger, what guards it, the log's tables and its own rights."""

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege, RestrictViolation, UniqueViolation

pytestmark = pytest.mark.xdist_group("roles")

CHANGE = [
    "UPDATE registry_deployment SET reason = 'never'",
    "UPDATE ONLY registry_deployment SET reason = 'never'",
    "DELETE FROM registry_deployment",
    "DELETE FROM registry_deployment USING registry_modelversion",
    "TRUNCATE registry_deployment",
    "TRUNCATE registry_deployment CASCADE",
    "TRUNCATE registry_modelversion CASCADE",
    "TRUNCATE registry_registeredmodel CASCADE",
    "INSERT INTO registry_deployment SELECT * FROM registry_deployment"
    " ON CONFLICT (generation) DO UPDATE SET reason = 'never'",
    "MERGE INTO registry_deployment USING (VALUES (1)) AS one ON true WHEN MATCHED THEN UPDATE SET reason = 'never'",
    "MERGE INTO registry_deployment USING (VALUES (1)) AS one ON true WHEN MATCHED THEN DELETE",
    "WITH gone AS (DELETE FROM registry_deployment RETURNING *) SELECT * FROM gone",
    "DO $$ BEGIN EXECUTE 'DELETE FROM registry_deployment'; END $$",
    "CREATE FUNCTION pg_temp.change() RETURNS void LANGUAGE sql SECURITY DEFINER"
    " BEGIN ATOMIC DELETE FROM registry_deployment; END; SELECT pg_temp.change()",
    "PREPARE change AS DELETE FROM registry_deployment; EXECUTE change",
    "SELECT * FROM registry_deployment FOR UPDATE",
    "DO $$ BEGIN LOCK TABLE registry_deployment IN ACCESS EXCLUSIVE MODE; END $$",
    "CREATE TEMPORARY VIEW mine AS SELECT * FROM registry_deployment; UPDATE mine SET reason = 'never'",
    "CREATE TEMPORARY VIEW mine AS SELECT * FROM registry_deployment; DELETE FROM mine",
    "CREATE TEMPORARY TABLE mine () INHERITS (registry_deployment)",
    "CREATE TEMPORARY TABLE mine (LIKE registry_deployment); ALTER TABLE mine INHERIT registry_deployment",
    "CREATE TEMPORARY TABLE mine (LIKE registry_deployment); ALTER TABLE registry_deployment INHERIT mine",
    "COPY registry_deployment FROM PROGRAM 'true'",
    "COPY registry_deployment TO PROGRAM 'true'",
    "COPY registry_deployment TO '/tmp/ledger'",
    "SELECT setval('registry_deployment_generation_seq', 1)",
    "ALTER SEQUENCE registry_deployment_generation_seq RESTART",
    "DELETE FROM pg_trigger",
    "UPDATE pg_class SET relowner = 'pg_database_owner'::regrole",
]
DEFENCES = [
    "DROP TRIGGER the_ledger_is_append_only ON registry_deployment",
    "ALTER TRIGGER the_ledger_is_append_only ON registry_deployment RENAME TO mine",
    "ALTER TABLE registry_deployment DISABLE TRIGGER the_ledger_is_append_only",
    "ALTER TABLE registry_deployment DISABLE TRIGGER ALL",
    "CREATE TRIGGER mine BEFORE INSERT ON registry_deployment EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "CREATE OR REPLACE FUNCTION refuse_to_change_the_ledger() RETURNS trigger LANGUAGE plpgsql"
    " AS 'BEGIN RETURN NULL; END'",
    "ALTER FUNCTION refuse_to_change_the_ledger() RENAME TO mine",
    "DROP FUNCTION refuse_to_change_the_ledger() CASCADE",
    "CREATE RULE mine AS ON INSERT TO registry_deployment DO INSTEAD NOTHING",
    "CREATE RULE mine AS ON INSERT TO registry_modelversion DO ALSO DELETE FROM registry_deployment",
    "CREATE POLICY mine ON registry_deployment",
    "ALTER TABLE registry_deployment ENABLE ROW LEVEL SECURITY",
    "CREATE EVENT TRIGGER mine ON ddl_command_start EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "ALTER TABLE registry_deployment OWNER TO CURRENT_USER",
    "ALTER TABLE registry_deployment RENAME TO mine",
    "ALTER TABLE registry_deployment SET SCHEMA pg_temp",
    "ALTER TABLE registry_deployment ADD mine integer",
    "ALTER TABLE registry_deployment ALTER reason TYPE text USING 'never'",
    "ALTER TABLE registry_deployment DROP COLUMN reason",
    "CREATE INDEX ON registry_deployment (reason)",
    "REINDEX TABLE registry_deployment",
    "CLUSTER registry_deployment USING registry_deployment_pkey",
    "DROP TABLE registry_deployment CASCADE",
    "DROP SCHEMA public CASCADE",
    "ALTER SCHEMA public RENAME TO mine",
    "DROP DATABASE {database}",
]
RIGHTS = [
    "SET session_replication_role = replica",
    "SELECT set_config('session_replication_role', 'replica', false)",
    "ALTER ROLE CURRENT_USER SET session_replication_role = replica",
    "ALTER DATABASE {database} SET session_replication_role = replica",
    "ALTER SYSTEM SET session_replication_role = replica",
    "SET ROLE {owner}",
    "SET SESSION AUTHORIZATION {owner}",
    "SET ROLE postgres",
    "SET ROLE pg_database_owner",
    "GRANT {owner} TO CURRENT_USER",
    "GRANT ALL ON ALL TABLES IN SCHEMA public TO CURRENT_USER",
    "ALTER ROLE {owner} PASSWORD 'mine'",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "CREATE ROLE mine",
    "REASSIGN OWNED BY {owner} TO CURRENT_USER",
    "DROP OWNED BY {owner}",
    "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT ALL ON TABLES TO CURRENT_USER",
    "CREATE SCHEMA mine",
    "CREATE TABLE public.mine (id bigint)",
    "CREATE VIEW public.mine AS SELECT 1",
    "CREATE FUNCTION public.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE TYPE public.mine AS ENUM ()",
    "ALTER FUNCTION predictions_make_partition(date) SECURITY INVOKER",
    "ALTER FUNCTION predictions_make_partition(date) RESET search_path",
    "CREATE OR REPLACE FUNCTION predictions_drop_partition(month date) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
    "UPDATE django_migrations SET name = 'never'",
    "INSERT INTO django_migrations (app, name, applied) VALUES ('registry', '9999', now())",
]
LOG = [
    "TRUNCATE predictions_prediction",
    "INSERT INTO predictions_prediction_default SELECT * FROM predictions_prediction",
    "DELETE FROM predictions_prediction_default",
    "DROP TABLE predictions_prediction_default",
    "ALTER TABLE predictions_prediction DETACH PARTITION predictions_prediction_default",
    "CREATE TABLE mine PARTITION OF predictions_prediction FOR VALUES FROM (MINVALUE) TO (MAXVALUE)",
]

OTHERWISE = [  # refused before anybody asks for a right
    ("CREATE TEMPORARY TABLE mine (deployment bigint REFERENCES registry_deployment)", "42P16"),
    (
        "CREATE TEMPORARY TABLE mine PARTITION OF predictions_prediction FOR VALUES FROM (MINVALUE) TO (MAXVALUE)",
        "42809",
    ),
    ("SELECT query_to_xml('DELETE FROM registry_deployment', true, true, '')", "0A000"),
    ("INSERT INTO registry_deployment SELECT * FROM registry_deployment", "23505"),
    ("DELETE FROM registry_modelversion", "23503"),
    ("UPDATE registry_modelversion SET id = id + 1000", "23503"),
]
WITHOUT_EFFECT = [  # a warning that no privileges were granted or revoked
    "GRANT UPDATE ON registry_deployment TO CURRENT_USER",
    "GRANT CREATE ON SCHEMA public TO CURRENT_USER",
    "GRANT EXECUTE ON FUNCTION predictions_drop_partition(date) TO PUBLIC",
]
KEPT = (
    "SELECT * FROM registry_deployment ORDER BY generation",
    "SELECT tgname, tgenabled, tgfoid::regproc::text FROM pg_trigger"
    " WHERE tgrelid = 'registry_deployment'::regclass ORDER BY 1",
    "SELECT relname, relowner::regrole::text, relacl::text FROM pg_class"
    " WHERE relnamespace = 'public'::regnamespace ORDER BY 1",
    "SELECT proname, proowner::regrole::text, proacl::text, prosrc, proconfig FROM pg_proc"
    " WHERE pronamespace = 'public'::regnamespace ORDER BY 1",
    "SELECT nspname, nspowner::regrole::text, nspacl::text FROM pg_namespace WHERE nspname !~ 'temp' ORDER BY 1",
)


@pytest.fixture
def all_is_kept(by_owner):
    """Afterwards: the ledger, what guards it, and everybody's rights."""

    def kept():
        return [by_owner.execute(question).fetchall() for question in KEPT]

    before = kept()
    yield
    assert kept() == before


@pytest.mark.usefixtures("all_is_kept")
@pytest.mark.parametrize("statement", CHANGE + DEFENCES + RIGHTS + LOG)
def test_the_application_has_no_right_to(statement, two_roles, application):
    named = statement.replace("{owner}", two_roles.owner).replace("{database}", two_roles.database)
    with pytest.raises(InsufficientPrivilege):
        application.execute(named)


@pytest.mark.usefixtures("all_is_kept")
@pytest.mark.parametrize(("statement", "sqlstate"), OTHERWISE)
def test_the_application_cannot(statement, sqlstate, application):
    with pytest.raises(psycopg.Error) as refused:
        application.execute(statement)
    assert refused.value.sqlstate == sqlstate


@pytest.mark.usefixtures("all_is_kept")
@pytest.mark.parametrize("statement", WITHOUT_EFFECT)
def test_the_application_grants_nothing_by(statement, application):
    application.execute(statement)


@pytest.mark.usefixtures("all_is_kept")
def test_a_row_that_is_copied_over_another_is_refused(application):
    with application.cursor() as cursor, cursor.copy("COPY registry_deployment TO STDOUT (FORMAT BINARY)") as rows:
        same = b"".join(rows)
    with (
        pytest.raises(UniqueViolation),
        application.cursor() as cursor,
        cursor.copy("COPY registry_deployment FROM STDIN (FORMAT BINARY)") as rows,
    ):
        rows.write(same)


def test_the_owner_itself_meets_the_trigger(two_roles, ledger, by_owner):
    with pytest.raises(RestrictViolation, match="append-only"):
        by_owner.execute("DELETE FROM registry_deployment")


def test_a_stranger_may_read_nothing(two_roles, ledger):
    with two_roles.connect(two_roles.stranger) as stranger:
        for statement in ("SELECT * FROM registry_deployment", "SELECT predictions_make_partition('2030-01-01')"):
            with pytest.raises(InsufficientPrivilege):
                stranger.execute(statement)
