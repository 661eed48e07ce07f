"""The figures that the README quotes, on simulated candles; read the ratios, machines differ."""

import resource
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from statistics import median
from time import perf_counter, process_time

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
GROWTH = (5_000, 10_000, 20_000, FOUR_YEARS_OF_HOURS)  # candles


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
    table.add_row("peak memory", f"{_peak_megabytes():.0f} MB", "")
    _time_growth(table)
    return table


def _time_growth(table: Table) -> None:
    """How a whole training grows with its candles: each in a process of its own, whose memory is nobody else's."""
    for name in ESTIMATORS:
        for candles in GROWTH:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
                wall, busy, megabytes = alone.submit(whole_training, name, candles).result()
            what = f"{name}: 8 folds, fit, export, technical, {candles:,} hours"
            table.add_row(what, f"{wall:.1f} s", f"{busy:.1f} s of one core, {megabytes:.0f} MB at the most")


def whole_training(name: str, candles: int) -> tuple[float, float, float]:
    """Seconds that passed, seconds of a core, and the process' peak in megabytes."""
    hours = SimulatedProcess(seed=7, interval=3_600).candles(FIRST_HOUR, candles)
    dataset = build_dataset(hours, feature_set("technical"), horizon=1)
    began, busy = perf_counter(), process_time()
    fit_and_score(dataset, estimator=name, params={})
    return perf_counter() - began, process_time() - busy, _peak_megabytes()


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


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
