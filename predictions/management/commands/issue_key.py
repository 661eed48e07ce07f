from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from cryptoml_site.errors import Invalid
from predictions.models import ApiKey, Scope
from registry.actors import command_actor

LONGEST = 100  # characters of a name


class Command(BaseCommand):
    help = "Make an API key and show its secret, this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="whose key it is, or what for")
        parser.add_argument("--scope", action="append", choices=Scope.values, required=True, help="once for each scope")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"].strip()
        if not 1 <= len(name) <= LONGEST:
            sentence = f"the name has {len(name)} characters: give the key one of 1 to {LONGEST}"
            raise Invalid(sentence, code="invalid_name", field="name")
        key, secret = ApiKey.objects.issue(name=name, scopes=set(options["scope"]), created_by=command_actor())
        self.stdout.write(secret)
        self.stderr.write(f"{key}: {', '.join(key.scopes)}. The secret is shown this once.")
