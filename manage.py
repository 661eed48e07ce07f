#!/usr/bin/env python
import os
import sys

from django.conf import ENVIRONMENT_VARIABLE
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from cryptoml_site.embedded.commands import embedded_servers, needs_servers, using
from cryptoml_site.errors import Invalid, Refused


def say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def main(argv: list[str]) -> None:
    """Run a management command; what it or the settings refuse is one sentence and exit status 1."""
    os.environ.setdefault(ENVIRONMENT_VARIABLE, "cryptoml_site.settings")
    try:
        refuse_other_bytes(argv)
        with using(embedded_servers() if needs_servers(argv) else [], say=say):
            execute_from_command_line(argv)
    except (Refused, ImproperlyConfigured) as refusal:
        sys.exit(str(refusal))


def refuse_other_bytes(argv: list[str]) -> None:
    """Python keeps a byte that is not UTF-8 as half a character, which no database, hash or answer takes."""
    for place, argument in enumerate(argv[1:], start=1):
        if any("\ud800" <= character <= "\udfff" for character in argument):
            raise Invalid(f"argument {place} holds a byte that is not UTF-8: {argument!a}", code="not_utf8")


if __name__ == "__main__":
    main(sys.argv)
