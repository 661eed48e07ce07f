"""A run's trials, as a search keeps them, and what was tried for its model before."""

from collections.abc import Sequence

from django.db import transaction

from training.models import TrainingRun, Trial
from training.tried import State, Tried

RECIPE = ("market", "feature_set", "estimator", "params", "options", "folds", "seed")


class TrialsOfRun:
    """Each is committed when it ends, by the process that holds the run; any other one goes on from there."""

    def __init__(self, run: TrainingRun) -> None:
        self.run = run

    def ended(self) -> Sequence[Tried]:
        return [trial.tried for trial in self.run.trials.order_by("number")]

    def keep(self, ended: Tried) -> None:
        """Raises RunLost."""
        with transaction.atomic():
            self.run.sign_of_life()
            Trial.objects.keep(self.run, ended)
            self.run.say(sentence(ended))

    def go_on(self) -> None:
        """Raises RunLost."""
        self.run.sign_of_life()


def sentence(ended: Tried) -> str:
    """For the run's log.

    >>> sentence(Tried(3, {}, State.PRUNED, 0.6931, [], [], None, 2.5, "", 0))
    'trial 3 in 2.5 s: pruned at a log loss of 0.69310'
    """
    took = f"trial {ended.number} in {ended.seconds:.1f} s"
    if ended.state == State.FAILED:
        return f"{took}: failed, {ended.error}"
    how = "pruned at a log loss of" if ended.state == State.PRUNED else "log loss"
    return f"{took}: {how} {ended.log_loss:.5f}"


def sharpes_before(run: TrainingRun, *, data_sha256: str) -> list[float]:
    """Sharpe ratio per candle of every version that other runs of the model left, and of every trial that they made.

    A run that left a version by the same recipe from the same candles is none of them: what does the same again tries
    nothing new, and says the same. A trial that never moved counts as 0; a version without the figure in its report
    cannot be counted.
    """
    recipe = {name: getattr(run, name) for name in RECIPE}
    same = TrainingRun.objects.filter(model=run.model_id, version__data_sha256=data_sha256, **recipe)
    others = TrainingRun.objects.filter(model=run.model_id).exclude(pk=run.pk).exclude(pk__in=same.values("pk"))
    versions = others.filter(version__isnull=False).order_by("pk")
    ratios = versions.values_list("version__metrics__trading__sharpe_per_candle", flat=True)
    trials = Trial.objects.filter(run__in=others, log_loss__isnull=False).order_by("pk")
    known = [ratio for ratio in ratios if ratio is not None]
    return known + [ratio or 0.0 for ratio in trials.values_list("sharpe", flat=True)]
