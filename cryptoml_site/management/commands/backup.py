from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from cryptoml_site.backups.making import LOG, make_backup
from cryptoml_site.clock import now


class Command(BaseCommand):
    help = "Write database and bundles into one file, while the site runs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--out", type=Path, metavar="FILE.tar", help="by default in backups/ of CRYPTOML_HOME")
        parser.add_argument("--without-log", action="store_true", help="leave out the rows of the prediction log")
        parser.add_argument(
            "--even-if-altered", action="store_true", help="leave out bundles that are not what was registered"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        out = options["out"] or settings.CRYPTOML_HOME / "backups" / f"cryptoml-{now():%Y%m%d-%H%M%S}.tar"
        manifest = make_backup(
            out.absolute(), with_log=not options["without_log"], even_if_altered=options["even_if_altered"]
        )
        answers = f"{manifest.rows[LOG]:,} answers" if manifest.with_log else "without the prediction log"
        self.stdout.write(f"{out}: {manifest.size:,} bytes, {answers}, as of {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC.")
        self.stdout.write("Not in it, keep them apart: SECRET_KEY, .env, and answers that wait in the spool.")
        for bundle in manifest.left_out:
            self.stderr.write(f"left out, for it is not what was registered: bundle {bundle}")
