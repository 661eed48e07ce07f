from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from registry.actors import command_actor
from registry.models import RegisteredModel


class Command(BaseCommand):
    help = "Let a version that was rolled back from be promoted again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model")
        parser.add_argument("version", type=int)
        parser.add_argument("--reason", required=True, help="kept in the ledger")

    def handle(self, *args: Any, **options: Any) -> None:
        version = RegisteredModel.objects.named(options["model"]).versions.numbered(options["version"])
        moved = version.lift_quarantine(actor=command_actor(), reason=options["reason"])
        self.stdout.write(f"{version} may be promoted again: generation {moved.generation}")
