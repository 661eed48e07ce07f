"""What the application's role may do where another owns the tables: read and append to the ledger, DML elsewhere.

Postgres holds to it whatever statement comes, and from wherever in the application.
"""

from typing import Any

import psycopg
from psycopg import sql

from cryptoml_site.errors import Refused

_RIGHTS = """
SELECT 'DATABASE ' || quote_ident(current_database()), 'CONNECT, TEMPORARY'
UNION ALL SELECT 'SCHEMA public', 'USAGE'
UNION ALL SELECT
    CASE relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || oid::regclass,
    CASE WHEN relispartition THEN NULL  -- what is asked of the log itself needs no right on its partitions
         WHEN relkind = 'S' THEN 'USAGE, SELECT'
         WHEN relname = 'registry_deployment' THEN 'SELECT, INSERT'
         WHEN relname = 'django_migrations' OR relkind IN ('v', 'm') THEN 'SELECT'
         ELSE 'SELECT, INSERT, UPDATE, DELETE' END
    FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND pg_get_userbyid(relowner) = current_user
        AND relkind IN ('r', 'p', 'v', 'm', 'S')
UNION ALL SELECT 'FUNCTION ' || oid::regprocedure, 'EXECUTE'
    FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace AND pg_get_userbyid(proowner) = current_user
        AND proname IN ('predictions_make_partition', 'predictions_drop_partition')
"""

# A dump that is restored without its privileges opens functions to everybody.
_TAKEN_FROM_PUBLIC = """
SELECT 'CREATE ON SCHEMA public'
UNION ALL SELECT 'ALL ON FUNCTION ' || oid::regprocedure
    FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace AND pg_get_userbyid(proowner) = current_user AND prosecdef
"""

# A superuser has them all, and the owner of the database the one on the schema, with which it could drop the ledger.
_WAYS_ROUND = """
SELECT way FROM unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS way
    WHERE has_table_privilege(%(role)s, to_regclass('public.registry_deployment'), way)
UNION ALL SELECT 'CREATE in the schema' WHERE has_schema_privilege(%(role)s, 'public', 'CREATE')
UNION ALL SELECT 'SET ROLE to its owner' WHERE pg_has_role(%(role)s, current_user, 'MEMBER')
"""


def grant_to_application(connection: psycopg.Connection[Any], role: str) -> None:
    """Give that role these rights, and take all others, on what the connection's own role owns.

    Raises Refused where it is no role, or keeps a way to change the ledger.
    """
    name = sql.Identifier(role)
    with connection.transaction():
        if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).rowcount:
            raise Refused(f"there is no role '{role}', which DATABASE_URL names: make it, or correct DATABASE_URL")
        for thing, rights in connection.execute(_RIGHTS).fetchall():
            connection.execute(sql.SQL("REVOKE ALL ON {} FROM {}").format(sql.SQL(thing), name))
            if rights:
                connection.execute(sql.SQL("GRANT {} ON {} TO {}").format(sql.SQL(rights), sql.SQL(thing), name))
        for (taken,) in connection.execute(_TAKEN_FROM_PUBLIC).fetchall():
            connection.execute(sql.SQL("REVOKE {} FROM PUBLIC").format(sql.SQL(taken)))
        _refuse_ways_round(connection, role)


def _refuse_ways_round(connection: psycopg.Connection[Any], role: str) -> None:
    if ways := connection.execute(_WAYS_ROUND, {"role": role}).fetchall():
        raise Refused(
            f"the role '{role}' keeps ways to change the ledger ({', '.join(way for (way,) in ways)}): it must be no "
            "superuser, no member of the role that owns the tables and no owner of the database, and PUBLIC may have "
            "no such right"
        )
