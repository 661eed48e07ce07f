"""The search itself: trial after trial, until their number or the time is reached."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Protocol

import optuna

from training.datasets import Dataset
from training.fitting.learner import Learner
from training.fitting.search.found import Found
from training.fitting.search.rehearsal import FOLDS, STRETCHES, Attempt, Rehearsal, seen_by_search
from training.fitting.search.space import Space, search_space
from training.fitting.search.study import ask, study_of, tell
from training.plugins import PluginFailed
from training.recipe import Options
from training.tried import State, Tried


class Trials(Protocol):
    """Where trials are kept once they have ended, so that a search whose process was killed goes on elsewhere."""

    def ended(self) -> Sequence[Tried]:
        """Those kept so far, by number."""

    def keep(self, ended: Tried) -> None: ...

    def go_on(self) -> None:
        """Raises where nobody waits for the search any more; asked after every fold."""


class InMemory:
    """Kept for as long as the search lasts."""

    def __init__(self) -> None:
        self._ended: list[Tried] = []

    def ended(self) -> Sequence[Tried]:
        return tuple(self._ended)

    def keep(self, ended: Tried) -> None:
        self._ended.append(ended)

    def go_on(self) -> None:
        """Always."""


def search(dataset: Dataset, learner: Learner, *, held: Collection[str], rows: int, trials: Trials) -> Found:
    """The parameters whose walk through the first `rows` rows has the lowest log loss; no other row is looked at.

    learner: with the parameters of the first trial, so that what is found is never worse than they are, on those rows;
    and with the options, which say how many trials and minutes there are. held: names of parameters that stay as they
    are. Raises Invalid (nothing_to_search), Refused (too_few_rows, one_class).
    """
    options = learner.options
    if not options.trials:
        return Found(dict(learner.params))
    space, past = search_space(learner.estimator, held), trials.ended()
    rehearsal = Rehearsal.on(seen_by_search(dataset, rows, past), learner)
    tried = [
        replace(ended, params=learner.estimator.checked(ended.params))  # in their own order and kinds: JSON has none
        for ended in past
        if ended.rows_sha256 == rehearsal.sha256
    ]
    stale = tuple(ended for ended in past if ended.rows_sha256 != rehearsal.sha256)
    searching = _Searching(
        rehearsal=rehearsal,
        learner=learner,
        study=study_of(space, learner.params, tried),
        space=space,
        tried=tried,
        first_number=len(stale),
        ends=perf_counter() + _seconds(options) - sum(ended.seconds for ended in past),
    )
    searching.run(trials)
    found = Found(dict(learner.params), tuple(tried), stale, rehearsal.dataset, options.trials)
    return found if found.best is None else replace(found, params=found.best.params)


@dataclass(frozen=True, eq=False)
class _Searching:
    rehearsal: Rehearsal
    learner: Learner  # with the parameters of the first trial
    study: optuna.Study
    space: Space
    tried: list[Tried]  # grows
    first_number: int
    ends: float  # of perf_counter

    @property
    def time_is_up(self) -> bool:
        return perf_counter() >= self.ends

    def run(self, trials: Trials) -> None:
        while len(self.tried) < self.learner.options.trials and not self.time_is_up:
            trial = ask(self.study, self.space, seed=self.learner.seed)
            ended = self._try(trial, trials)
            tell(self.study, trial, ended)
            trials.keep(ended)
            self.tried.append(ended)

    def _try(self, trial: optuna.Trial, trials: Trials) -> Tried:
        started, params = perf_counter(), {**self.learner.params, **trial.params}
        attempt = Attempt(self.rehearsal, replace(self.learner, params=params))
        state, error = State.PRUNED, ""
        try:
            if self._walked(attempt, trial, trials):
                state = State.COMPLETE
        except (ValueError, ArithmeticError, PluginFailed) as mistake:
            if not self.tried:  # the walk-forward would begin with the same parameters, and meet the same
                raise
            state, error = State.FAILED, f"{type(mistake).__name__}: {mistake}"
        return Tried(
            number=self.first_number + len(self.tried),
            params=params,
            state=state,
            log_loss=attempt.log_loss,
            losses=attempt.losses,
            blocks=attempt.blocks() if state == State.COMPLETE else [],
            sharpe=attempt.sharpe(),
            seconds=perf_counter() - started,
            rows_sha256=self.rehearsal.sha256,
            until=self.rehearsal.until,
            error=error,
        )

    def _walked(self, attempt: Attempt, trial: optuna.Trial, trials: Trials) -> bool:
        """Whether it came to the last fold."""
        for fold, losses in enumerate(attempt.walk(), start=1):
            trials.go_on()
            for stretch in range(STRETCHES * (fold - 1), STRETCHES * fold):
                trial.report(losses[stretch], stretch)
            if fold < FOLDS and (trial.should_prune() or self.time_is_up):
                return False
        return True


def _seconds(options: Options) -> float:
    return options.search_minutes * 60 if options.search_minutes else float("inf")
