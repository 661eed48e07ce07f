"""Many markets at once: a run for each, fitted by as many trainers as there are."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from registry.models import RegisteredModel
from training.learning import queue_run
from training.models import Candle, Market, TrainingRun
from training.queueing import enqueue


@dataclass(frozen=True)
class Fleet:
    """What was queued, and what was left alone."""

    queued: list[TrainingRun]
    waiting: int  # models whose run has not ended yet
    empty: int  # markets without a candle

    def __str__(self) -> str:
        said = [f"{_counted(len(self.queued), 'run')} queued"]
        if self.waiting:
            said.append(f"{_counted(self.waiting, 'model')} left alone, whose run has not ended yet")
        if self.empty:
            said.append(f"{_counted(self.empty, 'market')} left alone, without candles")
        return "; ".join(said)


def queue_fleet(
    *,
    feature_set: str,
    estimator: str,
    actor: str,
    params: Mapping[str, float] | None = None,
    options: Mapping[str, object] | None = None,
    folds: int = 8,
    seed: int = 7,
) -> Fleet:
    """A run in the queue for each market's own model, made where it is new.

    A model whose run waits or is under way is left alone, and so is a market without candles. Raises Unknown or
    Invalid before anything waits.
    """
    held = Market.objects.filter(Exists(Candle.objects.filter(market=OuterRef("pk")))).order_by("name")
    busy = set(TrainingRun.objects.unended().values_list("model__name", flat=True))
    idle = {market: RegisteredModel.objects.of_market(market.name) for market in held if market.name not in busy}
    queued = []
    for market, model in idle.items():
        run = queue_run(
            market=market,
            model=model,
            feature_set=feature_set,
            estimator=estimator,
            actor=actor,
            params=dict(params or {}),
            options=options,
            folds=folds,
            seed=seed,
        )
        enqueue(run)
        queued.append(run)
    return Fleet(queued=queued, waiting=len(held) - len(idle), empty=Market.objects.count() - len(held))


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
