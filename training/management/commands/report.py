from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from cryptoml_site.errors import Invalid
from registry.models import RegisteredModel
from training.reporting.page import report_page


class Command(BaseCommand):
    help = "Write one HTML page that says all of a version: verdict, figures, plots, gates. It needs no network."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model")
        parser.add_argument("version", type=int)
        parser.add_argument("--out", type=Path, help="the file; MODEL-vN-report.html in this folder where absent")

    def handle(self, *args: Any, **options: Any) -> None:
        version = RegisteredModel.objects.named(options["model"]).versions.numbered(options["version"])
        out = options["out"] or Path(f"{version.model.name}-v{version.number}-report.html")
        write_page(report_page(version), out)
        self.stdout.write(f"{version.metrics.get('summary') or version}\nwritten to {out}")


def write_page(page: str, out: Path) -> None:
    """Raises Invalid where nothing can be written."""
    try:
        out.write_text(page, encoding="utf-8")
    except OSError as error:
        said = error.strerror or error
        raise Invalid(f"{out} cannot be written: {said}", code="cannot_be_written", field="out") from error
