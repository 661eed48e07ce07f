"""Migrating as the role that owns the tables, which is not the application's."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.conf import settings
from django.db import DatabaseError, connection
from psycopg.errors import InsufficientPrivilege

from cryptoml_site.errors import Refused

_OWNER = "SELECT tableowner FROM pg_tables WHERE schemaname = 'public' AND tablename = 'django_migrations'"


@contextmanager
def as_the_owner() -> Iterator[str | None]:
    """Within, Django's connection is that of MIGRATE_DATABASE_URL; gives the role that the application has.

    None, and nothing changes, where that variable is not set.
    """
    owner, ours = settings.MIGRATE_DATABASE, connection.settings_dict
    if owner is None:
        yield None
        return
    before = dict(ours)
    connection.close()
    ours.update(owner | {"OPTIONS": before["OPTIONS"] | owner.get("OPTIONS", {})})
    try:
        yield before["USER"]
    finally:
        connection.close()
        ours.update(before)


@contextmanager
def refused_in_one_sentence() -> Iterator[None]:
    """A role that may not do what a migration wants is told what to set."""
    try:
        yield
    except (DatabaseError, psycopg.Error) as error:
        refusal = _insufficient_privilege(error)
        if refusal is None:
            raise
        raise Refused(_way_out(str(refusal).splitlines()[0])) from error


def _insufficient_privilege(error: BaseException | None) -> InsufficientPrivilege | None:
    while error is not None and not isinstance(error, InsufficientPrivilege):
        error = error.__cause__ or error.__context__
    return error


def _way_out(refusal: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(_OWNER)
        owner = (cursor.fetchone() or [None])[0]
    named = settings.MIGRATE_DATABASE
    role = (named or connection.settings_dict)["USER"]
    refused = f"'{role}' may not migrate ({refusal})"
    if owner is None or owner == role:
        return f"{refused}: let it own the database, or set MIGRATE_DATABASE_URL to a role that does"
    if named is None:
        return f"{refused}, for '{owner}' owns the tables: set MIGRATE_DATABASE_URL to that role's URL"
    give = f'REASSIGN OWNED BY "{owner}" TO "{role}"'
    return f"{refused}, for '{owner}' owns the tables: name it in MIGRATE_DATABASE_URL, or, as a superuser, {give}"
