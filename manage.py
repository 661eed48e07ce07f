#!/usr/bin/env python
import os
import sys

from django.conf import ENVIRONMENT_VARIABLE
from django.core.management import execute_from_command_line

from cryptoml_site.embedded.commands import embedded_servers, needs_servers, using
from cryptoml_site.errors import Refused


def say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def main(argv: list[str]) -> None:
    """Run a management command; what it refuses is one sentence and exit status 1."""
    os.environ.setdefault(ENVIRONMENT_VARIABLE, "cryptoml_site.settings")
    try:
        with using(embedded_servers() if needs_servers(argv) else [], say=say):
            execute_from_command_line(argv)
    except Refused as refusal:
        sys.exit(str(refusal))


if __name__ == "__main__":
    main(sys.argv)
