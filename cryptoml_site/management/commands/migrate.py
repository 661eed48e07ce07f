from typing import Any

from django.core.management.commands import migrate
from django.db import connection

from cryptoml_site.grants import grant_to_application
from cryptoml_site.ownership import as_the_owner, refused_in_one_sentence


class Command(migrate.Command):
    """Django's own, as the role of MIGRATE_DATABASE_URL where that is set; the application's then gets its rights."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        with refused_in_one_sentence(), as_the_owner() as application:
            output = super().execute(*args, **options)
            if application is not None and not (options["plan"] or options["check_unapplied"]):
                connection.ensure_connection()
                grant_to_application(connection.connection, application)
        return output
