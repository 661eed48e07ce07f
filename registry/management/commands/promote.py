from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from registry.actors import command_actor
from registry.models import RegisteredModel


class Command(BaseCommand):
    help = "Put a version into production, once its gates have passed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model")
        parser.add_argument("version", type=int)
        parser.add_argument("--reason", required=True, help="kept in the ledger")
        parser.add_argument(
            "--override", action="store_true", help="promote although a gate failed; the ledger keeps it"
        )
        parser.add_argument(
            "--from",
            dest="leaving",
            type=int,
            metavar="N",
            help="the version that you believe in production, 0 for none: refused where it is another by now",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        version = RegisteredModel.objects.named(options["model"]).versions.numbered(options["version"])
        asked = {name: options[name] for name in ("reason", "override", "leaving")}
        moved = version.promote(actor=command_actor(), **asked)
        self.stdout.write(f"{version} is in production: generation {moved.generation}")
