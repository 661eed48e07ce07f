from argparse import ArgumentParser

from django.core.management.base import BaseCommand

from training.market_data.add import add_market


class Command(BaseCommand):
    help = "Add a market of a source that can be asked for candles, with its model; which coin is meant is not guessed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("coin", help="its id at the source, such as bitcoin; or a symbol or name that it alone has")
        parser.add_argument("currency", help="such as usd")
        parser.add_argument("interval", help="such as 1h or 1d")
        parser.add_argument(
            "--source", default="coingecko", help="coingecko, ccxt:EXCHANGE, or a class of yours by its dotted path"
        )

    def handle(self, *, coin: str, currency: str, interval: str, source: str, **_: object) -> None:
        added = add_market(coin, currency, interval, source=source, say=self.stderr.write)
        self.stdout.write(str(added))
        self.stdout.write(f"Next: manage.py fetch_candles {added.market}, then manage.py train {added.market}")
