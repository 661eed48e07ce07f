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

    def handle(self, *args: Any, **options: Any) -> None:
        model = RegisteredModel.objects.named(options["model"])
        moved = model.rollback(actor=command_actor(), reason=options["reason"], to=options["to"])
        self.stdout.write(f"{moved.to_version} is in production again: generation {moved.generation}")
