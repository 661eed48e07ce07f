from argparse import ArgumentParser
from datetime import datetime

from django.core.management.base import BaseCommand

from cryptoml_site.clock import moment
from training.market_data.simulate import simulate_candles
from training.market_data.simulation import Shift


class Command(BaseCommand):
    help = "Make the newest N closed candles of a simulated market, or carry an existing one on to now."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--market", required=True, help="coin-currency-interval, such as demo-usd-1d")
        parser.add_argument("--candles", required=True, type=int, metavar="N")
        parser.add_argument("--seed", type=int, default=7)
        parser.add_argument("--signal", type=float, default=0.2, help="0 is a random walk, 0.5 is strong")
        parser.add_argument("--pull", action="store_true", help="a weak pull towards the first price, for a live demo")
        for name in ("--volatility-shift", "--volume-shift"):
            parser.add_argument(name, type=Shift.parse, metavar="FACTOR@MOMENT", help="such as 3@2026-11-01T00:00:00Z")

        parser.add_argument("--turn", type=moment, metavar="MOMENT", help="then what announced rises turns round")

    def handle(
        self,
        *,
        market: str,
        candles: int,
        seed: int,
        signal: float,
        pull: bool,
        volatility_shift: Shift | None,
        volume_shift: Shift | None,
        turn: datetime | None,
        **_: object,
    ) -> None:
        report = simulate_candles(
            market,
            candles=candles,
            seed=seed,
            signal=signal,
            pull=pull,
            volatility_shift=volatility_shift,
            volume_shift=volume_shift,
            turns_at=int(turn.timestamp()) if turn else None,
        )
        self.stdout.write(str(report))
