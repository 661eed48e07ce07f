from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand
from rich.console import Console
from rich.table import Table

from cryptoml_site.clock import moment, now
from cryptoml_site.errors import Invalid, Refused, Unknown
from registry.actors import command_actor
from training.market_data.quality import QualityReport, quality_of
from training.market_data.suspects import mark_all
from training.models import Candle, Market

WIDEST = 200  # characters of a line: a row that is broken cannot be read


class Command(BaseCommand):
    help = "Say how good the data of markets is; fails where answers from the newest candles are refused."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("markets", nargs="*", metavar="MARKET", help="by name; all where none is named")
        parser.add_argument("--mark", action="store_true", help="first look for outliers in the whole history again")
        parser.add_argument(
            "--clear",
            type=moment,
            metavar="OPENED_AT",
            help="believe a suspect candle of the market: its close is right",
        )
        parser.add_argument("--reason", default="", help="how you know, for --clear")

    def handle(self, *, markets: list[str], mark: bool, clear: datetime | None, reason: str, **_: object) -> None:
        checked = [Market.objects.named(name) for name in markets] or list(Market.objects.order_by("name"))
        if clear is not None:
            self.stdout.write(cleared(markets, clear, reason))
        if mark:
            self.stdout.write("\n".join(f"{market}: {mark_all(market)}" for market in checked))
        reports = [quality_of(market, at=now()) for market in checked]
        self.stdout.write("\n".join([table(reports), *(line for report in reports for line in told(report))]))
        refused = sum(report.needs_a_person for report in reports)
        if refused:
            raise Refused(f"{refused} of {len(reports)} markets give no answers now: see above", code="needs_a_person")


def cleared(markets: list[str], opened_at: datetime, reason: str) -> str:
    """Take the word of who runs this. Raises Invalid, Unknown or Refused."""
    if len(markets) != 1:
        raise Invalid("name the one market whose candle is to be cleared", code="missing_field", field="market")
    if not reason.strip():
        raise Invalid("say with --reason how you know that the close is right", code="missing_field", field="reason")
    candle = Market.objects.named(markets[0]).candles.filter(opened_at=opened_at).select_related("market").first()
    if candle is None:
        raise Unknown(f"{markets[0]} has no candle that opened at {opened_at.isoformat()}", code="unknown_candle")
    candle.clear(actor=command_actor(), reason=reason)
    return f"the candle {candle} is cleared"


def table(reports: list[QualityReport]) -> str:
    shown = Table("market", "first", "newest")
    for heading in ("candles", "missing", "no volume", "suspect", "cleared", "revised"):
        shown.add_column(heading, justify="right")
    shown.add_column("answers")
    for report in reports:
        counts = (
            report.candles,
            report.missing,
            report.volumes_absent,
            report.suspect_count,
            report.cleared_count,
            report.revised_count,
        )
        ends = (f"{at:%Y-%m-%d %H:%M}" if at else "-" for at in (report.first_opened_at, report.newest_opened_at))
        shown.add_row(report.market.name, *ends, *(f"{count:,}" for count in counts), "no" if report.refused else "yes")
    console = Console(width=WIDEST)
    with console.capture() as captured:
        console.print(shown)
    return captured.get().rstrip()


def told(report: QualityReport) -> Iterator[str]:
    """What somebody may want to look at, a line each; nothing of a market that has no fault."""
    for sentence in report.refused:
        yield f"{report.market} gives no answers: {sentence}"
    for gap in report.newest_gaps:
        yield f"{report.market}: {gap.candles} missing from {gap.start:%Y-%m-%d %H:%M}"
    if report.earlier_gaps:
        yield f"{report.market}: and {report.earlier_gaps:,} earlier gaps"
    for candle in report.suspects:
        yield f"{report.market}: {_suspect(candle)}"
    for candle in report.revised:
        yield f"{report.market}: {_revised(candle)}"


def _suspect(candle: Any) -> str:
    word = f"cleared by {candle.cleared}" if candle.cleared else "suspect"
    return (
        f"{candle.opened_at:%Y-%m-%d %H:%M} closed at {candle.close!r}, between {candle.close_before!r} and "
        f"{candle.close_after!r}: {word}"
    )


def _revised(candle: Candle) -> str:
    return (
        f"{candle.opened_at:%Y-%m-%d %H:%M} is in revision {candle.revision} since {candle.stored_at:%Y-%m-%d %H:%M}, "
        f"first seen as {candle.first_seen_sha256}"
    )
