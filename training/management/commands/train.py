import json
import os
import signal
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields
from threading import Timer
from typing import Any, NoReturn, TypeVar

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

Given = TypeVar("Given")
ENDING = (signal.SIGINT, signal.SIGTERM)
AGAIN_SECONDS = 0.1


def named_number(text: str) -> tuple[str, int | float]:
    """`NAME=NUMBER`, as argparse asks: an error of its own for anything else."""
    name, _, number = text.partition("=")
    with suppress(ValueError):
        if name:
            return name, int(number) if number.lstrip("-").isdecimal() else float(number)
    raise ArgumentTypeError(f"'{text}' is no number by its name: write it as n_estimators=300")


def named_value(text: str) -> tuple[str, object]:
    """`NAME=VALUE`: a number, true or false, or a word."""
    name, equals, value = text.partition("=")
    if not (equals and name):
        raise ArgumentTypeError(f"'{text}' is no value by its name: write it as calibration=sigmoid")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def by_name(given: list[tuple[str, Given]], *, field: str) -> dict[str, Given]:
    """Raises Invalid where one is given twice: nobody knows which was meant."""
    values: dict[str, Given] = {}
    for name, value in given:
        if name in values:
            said = f"{name} is given twice, as {values[name]} and as {value}: give it once"
            raise Invalid(said, code="given_twice", field=f"{field}.{name}")
        values[name] = value
    return values


@contextmanager
def interruptible() -> Iterator[None]:
    """Within, Ctrl-C and SIGTERM leave by the statuses that shells know, and the run keeps why it failed.

    Python drops what is raised while C calls it back, as XGBoost does for its rows: then the signal is sent again.
    """

    def leave(signum: int, _: object) -> NoReturn:
        raise SystemExit(128 + signum)

    def send_again(dropped: Any) -> None:
        if isinstance(dropped.exc_value, SystemExit):
            Timer(AGAIN_SECONDS, os.kill, [os.getpid(), int(str(dropped.exc_value)) - 128]).start()
        else:
            hook(dropped)

    before = {each: signal.signal(each, leave) for each in ENDING}
    hook, sys.unraisablehook = sys.unraisablehook, send_again
    try:
        yield
    finally:
        sys.unraisablehook = hook
        for each, handler in before.items():
            signal.signal(each, handler)


def learn_or_cancel(run: TrainingRun) -> ModelVersion | None:
    """A run that is refused or interrupted before it begins does not wait for a trainer that nobody asked."""
    try:
        with fold_progress(f"training {run.model}") as progress:
            return learn(run, progress=progress)
    except RunLost:
        raise  # it is another process' now, even where it waits in the queue
    except (Refused, SystemExit):
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
        recipe |= {name + "s": by_name(options[name], field=name + "s") for name in ("param", "option")}
        recipe |= {"actor": command_actor()}
        if options["all"] == bool(options["market"]) or (options["all"] and options["model"] is not None):
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
        with interruptible():
            version = self._learnt(run)
        if version is None:
            self.stdout.write(f"{run} was taken by another process")
            return
        if options["quiet"]:
            return
        self.stdout.write(summary(version))
        self.stdout.write(f"Next: manage.py promote {model} {version.number} --reason '...'")

    def _learnt(self, run: TrainingRun) -> ModelVersion | None:
        try:
            return learn_or_cancel(run)
        except SystemExit:
            self.stderr.write(f"interrupted before its end: {run} made no version")
            raise
