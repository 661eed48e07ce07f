"""The figures that the README quotes, on simulated candles; read the ratios, machines differ."""

import resource
from collections.abc import Callable
from statistics import median
from time import perf_counter

import numpy as np
from rich.table import Table

from registry.onnx_model import OnnxClassifier
from training.datasets import Dataset, build_dataset, newest_vector
from training.features.feature_set import FEATURE_SETS, feature_set
from training.fitting.estimators import ESTIMATORS
from training.fitting.fit_and_score import fit_and_score
from training.market_data.simulation import SimulatedProcess

FOUR_YEARS_OF_HOURS = 35_065
TWELVE_YEARS_OF_DAYS = 4_658
FIRST_HOUR = 400_000
FIRST_DAY = 10_000


def measure() -> Table:
    """Time features, training and single answers."""
    table = Table("what", "median", "beside")
    hours = SimulatedProcess(seed=7, interval=3_600).candles(FIRST_HOUR, FOUR_YEARS_OF_HOURS)
    for name in FEATURE_SETS:
        features = feature_set(name)
        seconds = _timed(lambda features=features: features.matrix(hours), 5)  # type: ignore[misc]
        one = _timed(lambda features=features: newest_vector(hours, features), 200)  # type: ignore[misc]
        table.add_row(f"features {name}, {len(hours):,} candles", f"{seconds * 1e3:.0f} ms", "")
        table.add_row(f"features {name}, newest vector", f"{one * 1e3:.2f} ms", "")
    days = SimulatedProcess(seed=7, interval=86_400).candles(FIRST_DAY, TWELVE_YEARS_OF_DAYS)
    for name in ESTIMATORS:
        _time_estimator(name, build_dataset(days, feature_set("classic"), horizon=1), table)
    table.add_row("peak memory", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB", "")
    return table


def _time_estimator(name: str, dataset: Dataset, table: Table) -> None:
    started = perf_counter()
    fitted = fit_and_score(dataset, estimator=name, params={})
    table.add_row(f"{name}: 8 folds, fit, export, {len(dataset):,} rows", f"{perf_counter() - started:.1f} s", "")
    row = dataset.X[:1]
    onnx = OnnxClassifier.from_bytes(fitted.onnx)
    estimator = ESTIMATORS[name]
    native = estimator.fit(dataset.X, dataset.y, estimator.checked({}), seed=7)
    ours = _timed(lambda: onnx.probability_up(row), 1_000)
    peer = _timed(lambda: np.asarray(estimator.probability_up(native, row)), 50)
    ratio = f"{peer / ours:.0f} times as quick as the native model ({peer * 1e3:.2f} ms)"
    table.add_row(f"{name}: one answer by ONNX", f"{ours * 1e6:.0f} us", ratio)


def _timed(call: Callable[[], object], runs: int) -> float:
    """Median seconds of a call, after one that does not count."""
    call()
    seconds = []
    for _ in range(runs):
        started = perf_counter()
        call()
        seconds.append(perf_counter() - started)
    return median(seconds)
