from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from registry.actors import command_actor
from registry.models import RegisteredModel


class Command(BaseCommand):
    help = "Give no answers for a model until `resume`; its version stays in production."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model")
        parser.add_argument("--reason", required=True, help="kept in the ledger")

    def handle(self, *args: Any, **options: Any) -> None:
        model = RegisteredModel.objects.named(options["model"])
        moved = model.suspend(actor=command_actor(), reason=options["reason"])
        self.stdout.write(f"{model} is suspended: generation {moved.generation}")
