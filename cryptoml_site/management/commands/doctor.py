import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from cryptoml_site.doctor.examining import examine
from cryptoml_site.doctor.findings import Level


class Command(BaseCommand):
    help = "Say what is wrong with this installation and what to do; fails where something is bad."
    requires_system_checks: list[str] = []  # it runs them itself, and tells

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one object for each line")

    def handle(self, *args: Any, **options: Any) -> None:
        found = []
        for each in examine(say=self.stderr.write):
            found.append(each)
            if not options["json"]:
                self.stdout.write(str(each))
        if options["json"]:
            self.stdout.write(json.dumps([each.as_json() for each in found], indent=1))
        if any(each.level is Level.BAD for each in found):
            sys.exit(1)
