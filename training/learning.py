"""The verb of training: from a run in the queue to a candidate in the registry."""

import json
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from copy import copy
from threading import Event, Thread
from typing import Any

from django.db import connection, transaction

from cryptoml_site.errors import Invalid
from registry.bundles import (
    DRIFT,
    EVALUATION,
    GOLDEN,
    NATIVE,
    NOVELTY,
    ONNX,
    REFERENCE,
    REPORT,
    SIGNATURE,
    write_bundle,
)
from registry.models import ModelVersion, RegisteredModel
from training.datasets import Dataset, build_dataset
from training.features.feature_set import FeatureSet
from training.features.feature_set import feature_set as feature_set_named
from training.fitting.environment import environment
from training.fitting.estimators import estimator_named
from training.fitting.fit_and_score import Fitted, fit_and_score
from training.fitting.search.space import search_space
from training.models import Market, RunLost, TrainingRun, moment
from training.models.run import FOLDS
from training.plugins import PluginFailed
from training.recipe import Options
from training.revision import code_revision
from training.skew import refuse_skew
from training.trials import TrialsOfRun, sharpes_before

HEARTBEAT_SECONDS = 5.0
SEEDS = range(2**31)  # what every estimator takes
Progress = Callable[[int, int], None]  # folds done, of how many


def queue_run(
    *,
    market: Market,
    model: RegisteredModel,
    feature_set: str,
    estimator: str,
    actor: str,
    params: dict[str, Any] | None = None,
    options: Mapping[str, object] | None = None,
    folds: int = 8,
    seed: int = 7,
) -> TrainingRun:
    """A run in the queue. Raises Unknown or Invalid, before anything waits, for what cannot be trained."""
    feature_set_named(feature_set)
    kind, chosen = estimator_named(estimator), Options.parse(options or {})
    kind.checked(params or {})
    if chosen.trials:
        search_space(kind, params or {})
    _refuse_outside(FOLDS, "folds", folds)
    _refuse_outside(SEEDS, "seed", seed)
    return TrainingRun.objects.create(
        market=market,
        model=model,
        feature_set=feature_set,
        estimator=estimator,
        actor=actor,
        params=params or {},
        options=chosen.as_json(),
        folds=folds,
        seed=seed,
    )


def _refuse_outside(allowed: range, field: str, number: int) -> None:
    if number not in allowed:
        bounds = f"from {allowed[0]:,} to {allowed[-1]:,}"
        raise Invalid(f"{field} is {number}: ask for a whole number {bounds}", code=f"invalid_{field}", field=field)


def learn(run: TrainingRun, *, progress: Progress) -> ModelVersion | None:
    """Claim the run, fit, evaluate and register its version; None when somebody else has claimed it.

    Raises Refused with the numbers when there is too little to learn from; the run keeps the reason.
    """
    if not run.claim():
        return None
    try:
        with heartbeat(run):
            return fit_and_register(run, progress)
    except RunLost:
        raise
    except BaseException as error:  # recorded and raised again: Ctrl-C too must leave no run that seems to be alive
        with suppress(RunLost):
            record(run, error)
        raise


def record(run: TrainingRun, error: BaseException) -> None:
    """The run fails of it, in a sentence; where code of the user's own raised, its log says where."""
    if isinstance(error, KeyboardInterrupt | SystemExit):
        run.fail("interrupted before its end, by Ctrl-C or SIGTERM: train again")
        return
    if isinstance(error, PluginFailed):
        run.say("".join(traceback.format_exception(error)))
    run.fail(f"{type(error).__name__}: {error}")


def fit_and_register(run: TrainingRun, progress: Progress) -> ModelVersion:
    """The version of a run that this process has claimed, and the run succeeds; what goes wrong is the caller's."""
    features = feature_set_named(run.feature_set)
    series = run.market.candles.series(interval=int(run.market.step.total_seconds()))
    dataset = build_dataset(series, features, horizon=run.model.horizon)
    refuse_skew(dataset, series, features)

    def said(done: int, total: int) -> None:
        run.progress(min(done, run.folds))  # the last step of all is the final fit
        progress(done, total)

    fitted = fit_and_score(
        dataset,
        estimator=run.estimator,
        params=run.params,
        options=Options.parse(run.options),
        folds=run.folds,
        seed=run.seed,
        progress=said,
        trials=TrialsOfRun(run),
        others=sharpes_before(run, data_sha256=dataset.sha256),
    )
    bundle = write_bundle(bundle_files(fitted, features))
    with transaction.atomic():
        version = register(run, dataset, features, fitted, bundle)
        run.succeed(version)
    return version


@contextmanager
def heartbeat(run: TrainingRun) -> Iterator[None]:
    """Within, a thread says every few seconds that this process lives: one fold may take longer than the silence that
    counts as death."""
    ended, mine = Event(), copy(run)

    def beat() -> None:
        with suppress(RunLost), closing(connection):
            while not ended.wait(HEARTBEAT_SECONDS):
                mine.sign_of_life()

    thread = Thread(target=beat, name=f"heartbeat of {run}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def bundle_files(fitted: Fitted, features: FeatureSet) -> dict[str, bytes]:
    return {
        ONNX: fitted.onnx,
        NATIVE: fitted.native,
        SIGNATURE: json.dumps(features.signature(), indent=1).encode(),
        REPORT: json.dumps(fitted.report, indent=1).encode(),
        EVALUATION: fitted.evaluation,
        REFERENCE: fitted.reference,
        GOLDEN: fitted.golden,
        NOVELTY: fitted.novelty,
        DRIFT: fitted.drift,
    }


def register(run: TrainingRun, dataset: Dataset, features: FeatureSet, fitted: Fitted, bundle: str) -> ModelVersion:
    return ModelVersion.objects.register(
        run.model,
        bundle=bundle,
        estimator=run.estimator,
        feature_set=features.name,
        feature_set_sha256=features.sha256,
        signature=features.signature(),
        params=dict(fitted.recipe.params),
        metrics={**fitted.report, "dataset": {"rows": len(dataset), "dropped": dataset.dropped}},
        data_start=moment(dataset.data_start),
        data_end=moment(dataset.data_end),
        data_sha256=dataset.sha256,
        simulated=run.market.simulated,
        code_revision=code_revision(),
        environment=environment(),
        created_by=run.actor,
    )
