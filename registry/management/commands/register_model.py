import json
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from registry.client import TIMEOUT_SECONDS, ModelRegistry


def json_file(path: str) -> dict[str, Any]:
    """A file's JSON object, as argparse asks: an error of its own for what cannot be read."""
    try:
        read: dict[str, Any] = dict(json.loads(Path(path).read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise ArgumentTypeError(f"{path} holds no JSON object: {error}") from error
    return read


class Command(BaseCommand):
    help = "Register a joblib or ONNX file as the next version of a model; a worker must be running."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model")
        parser.add_argument("file", type=Path)
        parser.add_argument("--metadata", type=json_file, default={}, metavar="FILE.json", help="what is claimed of it")
        parser.add_argument("--tag", action="append", default=[])
        parser.add_argument("--trusted", action="store_true", help="open a pickle: it can run any code")
        parser.add_argument("--timeout", type=float, default=TIMEOUT_SECONDS, metavar="SECONDS")

    def handle(self, *args: Any, **options: Any) -> None:
        registry = ModelRegistry(options["model"], trusted=options["trusted"])
        number = registry.register_model(
            options["file"], options["metadata"], options["tag"], timeout=options["timeout"]
        )
        self.stdout.write(f"{registry.name} version {number} is a candidate")
