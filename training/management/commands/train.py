import signal
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

from django.core.management.base import BaseCommand

from cryptoml_site.errors import Refused
from registry.actors import command_actor
from registry.models import ModelVersion, RegisteredModel
from training.learning import learn, queue_run
from training.models import Market, RunLost, TrainingRun
from training.progress import fold_progress
from training.queueing import enqueue
from training.summary import summary


def named_number(text: str) -> tuple[str, int | float]:
    """`NAME=NUMBER`, as argparse asks: ValueError for anything else."""
    name, _, number = text.partition("=")
    return name, int(number) if number.isdecimal() else float(number)


@contextmanager
def sigterm_is_an_exit() -> Iterator[None]:
    """Within, SIGTERM ends this process as Ctrl-C does: the run keeps why it failed."""

    def leave(*_: object) -> NoReturn:
        raise SystemExit(128 + signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def learn_or_cancel(run: TrainingRun) -> ModelVersion | None:
    """A run that is refused before it begins does not wait for a trainer that nobody asked."""
    try:
        with fold_progress(f"training {run.model}") as progress:
            return learn(run, progress=progress)
    except RunLost:
        raise  # it is another process' now, even where it waits in the queue
    except Refused:
        if TrainingRun.objects.queued().filter(pk=run.pk).exists():
            with suppress(Refused):
                run.cancel()
        raise


class Command(BaseCommand):
    help = "Train a version of a market's model: walk-forward evaluation, final fit, export, candidate."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("market")
        parser.add_argument("--model", help="registered model; the market's own where absent, made when new")
        parser.add_argument("--feature-set", default="classic")
        parser.add_argument("--estimator", default="random_forest")
        parser.add_argument("--param", action="append", default=[], type=named_number, metavar="NAME=NUMBER")
        parser.add_argument("--folds", type=int, default=8)
        parser.add_argument("--seed", type=int, default=7)
        parser.add_argument("--quiet", action="store_true", help="say nothing of what was learnt")
        parser.add_argument("--queue", action="store_true", help="leave it to the trainer, do not wait")

    def handle(self, *args: Any, **options: Any) -> None:
        market = Market.objects.named(options["market"])
        model = RegisteredModel.objects.of_market(market.name, name=options["model"])
        chosen = {name: options[name] for name in ("feature_set", "estimator", "folds", "seed")}
        run = queue_run(market=market, model=model, actor=command_actor(), params=dict(options["param"]), **chosen)
        if options["queue"]:
            enqueue(run)
            self.stdout.write(f"{run} is queued")
            return
        with sigterm_is_an_exit():
            version = learn_or_cancel(run)
        if version is None:
            self.stdout.write(f"{run} was taken by another process")
            return
        if options["quiet"]:
            return
        self.stdout.write(summary(version))
        self.stdout.write(f"Next: manage.py promote {model} {version.number} --reason '...'")
