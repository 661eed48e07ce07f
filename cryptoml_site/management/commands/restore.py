from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from cryptoml_site.backups.making import LOG
from cryptoml_site.backups.restoring import restore
from cryptoml_site.errors import Invalid


class Command(BaseCommand):
    help = "Make database and bundles what they were in a backup."
    requires_system_checks: list[str] = []  # they may ask the database, which is not there yet

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE.tar")
        parser.add_argument(
            "--replace", action="store_true", help="lose what the database holds; its name is asked for"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        manifest = restore(options["file"].absolute(), replace=options["replace"], confirm=asked, say=self.stdout.write)
        answers = f"{manifest.rows[LOG]:,} answers" if manifest.with_log else "the prediction log empty"
        self.stdout.write(f"Restored: {len(manifest.rows)} tables, {answers}. SECRET_KEY was not in it: set yours.")


def asked(question: str) -> str:
    try:
        return input(question).strip()
    except EOFError:
        raise Invalid("nobody typed the database's name: nothing was changed", code="not_confirmed") from None
