from typing import Any

from django.core.management.base import BaseCommand
from rich.console import Console

from training.fitting.benchmark import measure


class Command(BaseCommand):
    help = "Time features, training and single answers on simulated candles."

    def handle(self, *args: Any, **options: Any) -> None:
        Console().print(measure())
