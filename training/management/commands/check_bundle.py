from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from registry.models import RegisteredModel
from training.bundle_check import check_bundle


class Command(BaseCommand):
    help = "Verify a version's files by their hashes, and compare its ONNX and native models on the golden rows."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model")
        parser.add_argument("version", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        version = RegisteredModel.objects.named(options["model"]).versions.numbered(options["version"])
        checked = check_bundle(version)
        native = "there is no native model"
        if checked.native_difference is not None:
            native = f"agrees with the native model within {checked.native_difference:.1e}"
        self.stdout.write(
            f"{version}: {checked.files} files as registered; ONNX repeats its {checked.rows} golden answers within "
            f"{checked.golden_difference:.1e} and {native}"
        )
