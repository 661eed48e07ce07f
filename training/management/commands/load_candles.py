from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand

from training.market_data.load import load_candles


class Command(BaseCommand):
    help = "Load a CSV file of candles into a market; the market and its model are made when new."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--market", required=True, help="coin-currency-interval, such as bitcoin-usd-1d")
        parser.add_argument("--csv", required=True, type=Path, metavar="FILE")
        parser.add_argument("--skip-bad-lines", action="store_true", help="load the others instead of nothing")

    def handle(self, *, market: str, csv: Path, skip_bad_lines: bool, **_: object) -> None:
        self.stdout.write(str(load_candles(market, csv, skip_bad_lines=skip_bad_lines)))
