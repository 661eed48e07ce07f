from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from registry.actors import command_actor
from registry.models import RegisteredModel


class Command(BaseCommand):
    help = "Put back the version that the newest move replaced, or the one named by --to."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model")
        parser.add_argument("--reason", required=True, help="kept in the ledger")
        parser.add_argument("--to", type=int, help="number of an earlier production version")
        parser.add_argument(
            "--override", action="store_true", help="although clients would have to send other features"
        )
        parser.add_argument(
            "--from",
            dest="leaving",
            type=int,
            metavar="N",
            help="the version that you believe in production, 0 for none: refused where it is another by now",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        model = RegisteredModel.objects.named(options["model"])
        asked = {name: options[name] for name in ("reason", "to", "override", "leaving")}
        moved = model.rollback(actor=command_actor(), **asked)
        self.stdout.write(f"{moved.to_version} is in production again: generation {moved.generation}")
