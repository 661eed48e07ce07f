"""All that the doctor looks at, in the order in which one thing explains the next."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

from django.db import DatabaseError

from cryptoml_site.doctor.findings import Finding, Findings, bad
from cryptoml_site.doctor.machine import examine_disk, examine_privacy, examine_settings, examine_spool
from cryptoml_site.doctor.postgres import examine_clock, examine_guard, examine_postgres
from cryptoml_site.doctor.site import (
    examine_bundles,
    examine_migrations,
    examine_partitions,
    examine_processes,
    examine_schedules,
)
from cryptoml_site.doctor.valkey import examine_valkey
from cryptoml_site.embedded.commands import embedded_servers, using
from cryptoml_site.embedded.errors import ServersUnavailable

WITHOUT_POSTGRES = (examine_settings, examine_privacy, examine_disk, examine_spool, examine_valkey)
OF_THE_DATABASE = (
    *(examine_guard, examine_clock, examine_migrations, examine_partitions),
    *(examine_schedules, examine_bundles, examine_processes),
)


def examine(say: Callable[[str], None]) -> Iterator[Finding]:
    """The embedded servers are had up meanwhile, where the settings name no others."""
    with ExitStack() as servers:
        for server in embedded_servers():
            try:
                servers.enter_context(using([server], say))
            except ServersUnavailable as away:
                yield bad(server.title, "the embedded one cannot be started", str(away))
        for look in WITHOUT_POSTGRES:
            yield from look()
        yield from _database()


def _database() -> Findings:
    try:
        yield from examine_postgres()
    except DatabaseError as error:
        yield bad(
            "Postgres",
            f"it does not answer, so that nothing in it was looked at: {_first_line(error)}",
            "start it, or correct DATABASE_URL; web processes answer from memory, and their spool grows",
        )
        return
    for look in OF_THE_DATABASE:
        try:
            yield from look()
        except DatabaseError as error:  # of a release whose tables are others
            yield bad(look.__name__.removeprefix("examine_"), _first_line(error), "run `manage.py migrate`")


def _first_line(error: DatabaseError) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
