from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from training.datasets import build_dataset
from training.features.feature_set import feature_set
from training.frames import dataset_frame, write_frame
from training.models import Market


class Command(BaseCommand):
    help = "Write a market's feature table, with its labels, as CSV or Parquet."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("market")
        parser.add_argument("--feature-set", default="classic")
        parser.add_argument("--horizon", type=int, default=1, help="candles ahead")
        parser.add_argument("--out", type=Path, required=True, help="a file that ends in .csv or .parquet")

    def handle(self, *args: Any, **options: Any) -> None:
        market = Market.objects.named(options["market"])
        series = market.candles.series(interval=int(market.step.total_seconds()))
        dataset = build_dataset(series, feature_set(options["feature_set"]), horizon=options["horizon"])
        write_frame(dataset_frame(dataset), options["out"])
        self.stdout.write(f"{len(dataset):,} rows written to {options['out']}; dropped: {dataset.dropped}")
