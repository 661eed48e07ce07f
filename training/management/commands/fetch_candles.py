from argparse import ArgumentParser
from datetime import datetime

from django.core.management.base import BaseCommand

from cryptoml_site.clock import moment
from cryptoml_site.errors import Invalid, Refused
from training.market_data.fetch import FetchReport, fetch_candles
from training.models import Market
from training.progress import candle_progress


class Command(BaseCommand):
    help = "Fetch what closed since a market's newest candle; with --since, also what is missing since then."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("market", nargs="?")
        parser.add_argument("--all", action="store_true", help="every market whose source can be asked")
        parser.add_argument("--since", type=moment, metavar="DATE", help="such as 2024-01-31, or 2024-01-31T12:00")

    def handle(self, *, market: str | None, since: datetime | None, **options: object) -> None:
        if bool(market) == bool(options["all"]):
            raise Invalid("name one market, or say --all", code="one_or_all", field="market")
        if market:
            self.stdout.write(str(_fetch(Market.objects.named(market), since)))
            return
        fetched = list(Market.objects.fetched())
        if not fetched:
            self.stdout.write("no market has a source to ask: add one with manage.py add_market")
        refusals = [self._fetch_one_of_all(each, since) for each in fetched]
        if any(refusals):
            raise Refused("\n".join(filter(None, refusals)), code="not_all_fetched")

    def _fetch_one_of_all(self, market: Market, since: datetime | None) -> str:
        """Why it could not be fetched, which does not stop the others; empty where it could."""
        try:
            self.stdout.write(str(_fetch(market, since)))
        except Refused as refusal:
            return f"{market}: {refusal}"
        return ""


def _fetch(market: Market, since: datetime | None) -> FetchReport:
    with candle_progress(f"fetching {market}") as progress:
        return fetch_candles(market, since=since, progress=progress)
