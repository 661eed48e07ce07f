import json
import signal
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields
from typing import Any, NoReturn

from django.core.management.base import BaseCommand

from cryptoml_site.errors import Invalid, Refused
from registry.actors import command_actor
from registry.models import ModelVersion, RegisteredModel
from training.fleet import queue_fleet
from training.learning import learn, queue_run
from training.models import Market, RunLost, TrainingRun
from training.progress import fold_progress
from training.queueing import enqueue
from training.recipe import Options
from training.summary import summary


def named_number(text: str) -> tuple[str, int | float]:
    """`NAME=NUMBER`, as argparse asks: ValueError for anything else."""
    name, _, number = text.partition("=")
    return name, int(number) if number.isdecimal() else float(number)


def named_value(text: str) -> tuple[str, object]:
    """`NAME=VALUE`: a number, true or false, or a word."""
    name, _, value = text.partition("=")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


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
        parser.add_argument("market", nargs="?")
        parser.add_argument("--all", action="store_true", help="every market's own model, left to the trainers")
        parser.add_argument("--model", help="registered model; the market's own where absent, made when new")
        parser.add_argument("--feature-set", default="classic")
        parser.add_argument("--estimator", default="random_forest")
        parser.add_argument("--param", action="append", default=[], type=named_number, metavar="NAME=NUMBER")
        parser.add_argument(
            "--option",
            action="append",
            default=[],
            type=named_value,
            metavar="NAME=VALUE",
            help=f"of the recipe, told in docs/estimators.md: {', '.join(entry.name for entry in fields(Options))}",
        )
        parser.add_argument("--folds", type=int, default=8)
        parser.add_argument("--seed", type=int, default=7)
        parser.add_argument("--quiet", action="store_true", help="say nothing of what was learnt")
        parser.add_argument("--queue", action="store_true", help="leave it to the trainer, do not wait")

    def handle(self, *args: Any, **options: Any) -> None:
        recipe = {name: options[name] for name in ("feature_set", "estimator", "folds", "seed")}
        recipe |= {"actor": command_actor(), "params": dict(options["param"]), "options": dict(options["option"])}
        if options["all"] == bool(options["market"]) or (options["all"] and options["model"]):
            raise Invalid("name a market, or ask for --all of them, each by its own model", field="market")
        if options["all"]:
            self.stdout.write(str(queue_fleet(**recipe)))
        else:
            self._train(options, recipe)

    def _train(self, options: dict[str, Any], recipe: dict[str, Any]) -> None:
        market = Market.objects.named(options["market"])
        model = RegisteredModel.objects.of_market(market.name, name=options["model"])
        run = queue_run(market=market, model=model, **recipe)
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
