from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand
from rich.console import Console
from rich.table import Table

from cryptoml_site.clock import moment
from cryptoml_site.errors import Invalid, Refused, Unknown
from predictions.from_candles import FromCandlesClass
from predictions.models import Prediction, PredictionQuerySet
from predictions.replay import Replay, ReplayClass, replay_log
from registry.models import RegisteredModel

MOST_REASONS = 10


class Command(BaseCommand):
    help = "Compute logged answers again, from what the model saw and from the candles; fails where one is unexplained."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("ids", nargs="*", type=UUID, metavar="ID", help="answers by id, each told in full")
        parser.add_argument("--newest", type=int, metavar="N", help="the newest N answers")
        parser.add_argument("--model", help="those of one registered model")
        parser.add_argument("--since", type=moment, metavar="DATE", help="those given from that moment on")

    def handle(self, *args: Any, **options: Any) -> None:
        rows, tally = chosen(**options), Tally()
        for replayed in replay_log(rows, newest=options["newest"]):
            tally.add(replayed)
            if options["ids"] or replayed.unexplained:
                self.stdout.write("\n".join(told(replayed)))
        self.stdout.write("\n".join([tally.table(), *tally.reasons()]))
        if tally.unexplained:
            count = "1 answer is" if tally.unexplained == 1 else f"{tally.unexplained:,} answers are"
            raise Refused(f"{count} unexplained: see above", code="unexplained")


class Tally:
    """How many answers are of each class; of those from candles, by the candles too."""

    def __init__(self) -> None:
        self.classes: Counter[str] = Counter()
        self.impossible: Counter[str] = Counter()  # by the reason
        self.unexplained = 0

    def add(self, replayed: Replay) -> None:
        self.classes[replayed.kind] += 1
        self.unexplained += replayed.unexplained
        if replayed.candles is not None:
            self.classes[replayed.candles.kind] += 1
        if replayed.kind == ReplayClass.IMPOSSIBLE:
            self.impossible[replayed.sentence] += 1

    def table(self) -> str:
        shown = Table("class", "answers")
        shown.columns[1].justify = "right"
        for kinds in (ReplayClass, FromCandlesClass):
            for kind in kinds:
                shown.add_row(kind, f"{self.classes[kind]:,}")
            shown.add_section()
        console = Console()
        with console.capture() as captured:
            console.print(shown)
        return captured.get().rstrip()

    def reasons(self) -> list[str]:
        """Why those that cannot be replayed cannot, the most frequent reasons first."""
        return [f"{count:,} {sentence}" for sentence, count in self.impossible.most_common(MOST_REASONS)]


def chosen(
    *, ids: list[UUID], newest: int | None, model: str | None, since: datetime | None, **_: Any
) -> PredictionQuerySet:
    """The answers asked for. Raises Invalid where that is left open, Unknown for ids that are not in the log."""
    if ids:
        return _named(ids, others=[newest, model, since])
    if newest is None and since is None:
        raise Invalid("say which answers: their ids, --newest N, or --since DATE", code="missing_field", field="ids")
    if newest is not None and newest < 1:
        raise Invalid(f"--newest is {newest}: ask for 1 or more", code="invalid_newest", field="newest")
    rows = Prediction.objects.all()
    if model is not None:
        rows = rows.filter(model=RegisteredModel.objects.named(model))
    return rows if since is None else rows.since(since)


def _named(ids: list[UUID], *, others: list[object]) -> PredictionQuerySet:
    if any(other is not None for other in others):
        raise Invalid("give ids, or --newest, --model and --since, not both", code="ids_and_more", field="ids")
    rows = Prediction.objects.filter(id__in=ids)
    absent = set(ids) - set(rows.values_list("id", flat=True))
    if absent:
        listed = ", ".join(map(str, sorted(absent)))
        raise Unknown(f"not in the log: {listed}", code="unknown_prediction", field="ids")
    return rows


def told(replayed: Replay) -> Iterator[str]:
    """One line, and one more for each difference that the candles make."""
    yield f"{replayed.prediction.id}  {replayed.kind}: {replayed.sentence}"
    candles = replayed.candles
    if candles is None:
        return
    yield f"  {candles.kind}: {candles.sentence}"
    yield from (f"  {what}" for what in (*candles.revised, *candles.differences))
    if replayed.from_candles_now is not None:
        yield f"  the candles as they are now would be answered {replayed.from_candles_now!r}"
