"""Optuna's part: which parameters come next, and which trial is not worth its last folds.

Its study lives in memory and is made again from the trials that were kept: ours is the one database. A sampler of its
own for each number makes the next choice depend on the seed and on the trials before alone, so that a search that was
killed goes on as if nothing had happened.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import optuna
from optuna.pruners import BasePruner
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial
from scipy.stats import wilcoxon

from training.fitting.estimators.estimator import Number
from training.fitting.search.rehearsal import STRETCHES
from training.fitting.search.space import Space
from training.series import Floats
from training.tried import State, Tried

FEWEST_STRETCHES = 2 * STRETCHES  # by which a trial is given up: the first fold's model is fitted on few rows
LUCK = 0.1  # chance of being given up where it is as good as the best
STATES = {State.COMPLETE: TrialState.COMPLETE, State.PRUNED: TrialState.PRUNED, State.FAILED: TrialState.FAIL}

optuna.logging.set_verbosity(optuna.logging.WARNING)  # what it would say of each trial is in the run's log


class WorseThanTheBest(BasePruner):
    """Gives up a trial that is worse than the best one by more than luck, stretch of time by stretch of time.

    Optuna's MedianPruner gives up half of all, by their means over few rows: those that would have been best among
    them, here. This is Wilcoxon (1945), Individual comparisons by ranking methods, as in Optuna's own WilcoxonPruner,
    which is experimental.
    """

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        losses = _losses(trial)
        if len(losses) < FEWEST_STRETCHES or not complete:
            return False
        lead = losses - _losses(study.best_trial)[: len(losses)]
        return bool(lead.any() and lead.mean() > 0 and _by_luck(lead) < LUCK)


def _by_luck(lead: Floats) -> float:
    """Chance of falling behind so far, or farther, for one that is as good."""
    return float(wilcoxon(lead, zero_method="zsplit", alternative="greater").pvalue)


def _losses(trial: FrozenTrial) -> Floats:
    return np.array([trial.intermediate_values[step] for step in sorted(trial.intermediate_values)])


def study_of(space: Space, start: Mapping[str, Number], tried: Sequence[Tried]) -> optuna.Study:
    """start: values of the space that come first of all."""
    study = optuna.create_study(direction="minimize", pruner=WorseThanTheBest())
    for ended in tried:
        study.add_trial(_frozen(ended, space))
    if not tried:
        study.enqueue_trial({name: start[name] for name in space})
    return study


def ask(study: optuna.Study, space: Space, *, seed: int) -> Trial:
    number = len(study.get_trials(deepcopy=False, states=tuple(STATES.values())))
    study.sampler = TPESampler(seed=int(np.random.SeedSequence([seed, number]).generate_state(1)[0]))
    return study.ask(space)


def tell(study: optuna.Study, trial: Trial, ended: Tried) -> None:
    study.tell(trial, ended.log_loss if ended.state == State.COMPLETE else None, STATES[ended.state])


def _frozen(ended: Tried, space: Space) -> FrozenTrial:
    """As `tell` would have left it."""
    return create_trial(
        state=STATES[ended.state],
        value=_value(ended),
        params={name: ended.params[name] for name in space},
        distributions=space,
        intermediate_values=dict(enumerate(ended.losses)),
    )


def _value(ended: Tried) -> float | None:
    """Of a pruned one Optuna takes what was reported last."""
    if ended.state == State.PRUNED:
        return ended.losses[-1]
    return ended.log_loss if ended.state == State.COMPLETE else None
