"""What a trainer does with a run: it has it done in a child, and sees to it that the run ends one way or another."""

import logging
import os
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from math import ceil
from socket import gethostname

from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections
from joblib import cpu_count

from cryptoml_site.errors import Refused, Unavailable
from training.fitting.child import ChildDied, Limits, OverLimit, in_a_child
from training.learning import fit_and_register, record
from training.models import RunLost, TrainingRun
from training.recipe import Options
from training.retraining import follow_policy

BEAT_SECONDS = 2.0  # between two signs of life, and so until a run that was cancelled ends
DATABASE_AWAY = (OperationalError, InterfaceError)
PASSING = (*DATABASE_AWAY, OSError, Unavailable)  # what may be gone at the next attempt
logger = logging.getLogger(__name__)


class Stopped(Exception):
    """The trainer was told to stop while it waited for a run."""


def train(run: TrainingRun, *, stopping: Callable[[], bool]) -> bool:
    """Take the run and wait for its end; whether it was still to be had.

    stopping: asked a few times a second whether this trainer should leave the run to another. Raises Refused while
    another run of the model is under way.
    """
    if not run.claim():
        return False
    limits = limits_of(run)
    run.say(f"taken by {gethostname()}, process {os.getpid()}: {cpu_count()} cores, {limits}")
    try:
        in_a_child(partial(attempt, run), limits=limits, watch=Watch(run, stopping))
    except RunLost as lost:
        logger.info("%s: %s", run, lost)
    except OverLimit as over:
        _record(partial(run.fail, str(over)))
    except ChildDied as died:
        _record(partial(run.fail_or_try_again, str(died)))
    except Stopped:
        _record(run.give_back)
    return True


def limits_of(run: TrainingRun) -> Limits:
    """Its own, or the settings'; a search for parameters has its budget of time on top of these."""
    options = Options(**run.options)
    search = ceil(options.search_minutes) if options.trials else 0
    return Limits(
        minutes=run.time_limit_minutes or settings.TRAINING_MINUTES + search,
        megabytes=run.memory_limit_mb or settings.TRAINING_MEMORY_MB,
    )


def attempt(run: TrainingRun) -> None:
    """In the child: learn a version, and do with it what the run's policy says. The run keeps what went wrong."""
    try:
        fit_and_register(run, lambda done, total: logger.info("%s: %s of %s fits done", run, done, total))
    except RunLost as lost:
        logger.info("%s: %s", run, lost)
    except PASSING as error:
        logger.warning("%s", run, exc_info=True)
        run.fail_or_try_again(f"{type(error).__name__}: {error}")
    except Refused as refused:
        logger.warning("%s: %s", run, refused)  # nothing is wrong with the trainer
        record(run, refused)
    except Exception as error:
        run.say(traceback.format_exc())
        run.fail(f"{type(error).__name__}: {error}")
        raise
    else:
        follow_policy(run)


class Watch:
    """Says that the run's trainer lives, and raises what must end its child: Stopped and RunLost."""

    def __init__(self, run: TrainingRun, stopping: Callable[[], bool]) -> None:
        self.run = run
        self.stopping = stopping
        self._next = time.monotonic() + BEAT_SECONDS

    def __call__(self) -> None:
        if self.stopping():
            raise Stopped
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + BEAT_SECONDS
            with suppress(*DATABASE_AWAY):  # the child goes on, and meets it itself where it needs it
                self._beat()

    def _beat(self) -> None:
        close_old_connections()
        try:
            self.run.sign_of_life()
        except RunLost:
            if not self._succeeded():  # else the child is about its policy
                raise

    def _succeeded(self) -> bool:
        mine = TrainingRun.objects.filter(pk=self.run.pk, attempts=self.run.attempts)
        return mine.filter(status=TrainingRun.Status.SUCCEEDED).exists()


def _record(end: Callable[[], None]) -> None:
    """How the run ended, unless the child has said so itself."""
    with suppress(RunLost):
        end()
