"""Is a model of somebody else's fit to answer? Tried on rows such as it will see."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from registry.onnx_model import UNLOADABLE, InvalidModel, OnnxClassifier
from training.datasets import Vectors, as_float32
from training.evaluation.archive import pack_arrays
from training.features.feature_set import FeatureSet
from training.fitting.converting import probability_up
from training.fitting.fit_and_score import GOLDEN_ROWS
from training.fitting.parity import refuse_disparity
from training.market_data.simulation import SimulatedProcess
from training.models import Market
from training.series import CandleSeries

PROBED_CANDLES = 2_500
FEWEST_ROWS = 100  # of a market that gives fewer, simulated candles are taken
SIMULATED_FROM = 400_000  # step of the simulated process
ALONE = 1e-6  # how far a row's answer may move with the rows beside it


def probe_rows(market: Market | None, features: FeatureSet) -> Vectors:
    """Rows such as the model will see: the market's newest, or simulated ones, and the same with columns shuffled."""
    real = _rows(_newest(market), features) if market else np.empty((0, 0), np.float32)
    if len(real) < FEWEST_ROWS:
        interval = int(market.step.total_seconds()) if market else 86_400
        simulated = SimulatedProcess(seed=7, interval=interval).candles(SIMULATED_FROM, PROBED_CANDLES)
        real = _rows(simulated, features)
    return np.concatenate([real, np.random.default_rng(7).permuted(real, axis=0)])


def _newest(market: Market) -> CandleSeries:
    newest, step = market.newest(), market.step
    held = market.candles.all()
    stretch = held.ending_at(newest, candles=PROBED_CANDLES, step=step) if newest else held
    return stretch.series(interval=int(step.total_seconds()))


def _rows(series: CandleSeries, features: FeatureSet) -> Vectors:
    if len(series) == 0:
        return np.empty((0, len(features.names)), np.float32)
    X = as_float32(features.matrix(series))
    return X[np.isfinite(X).all(axis=1)]


@dataclass(frozen=True, eq=False)
class Trial:
    """What a bundle keeps of a model that answered every row as it must."""

    golden: bytes  # npz: rows X and their answers
    report: dict[str, Any]  # its largest difference from the native model as `parity`, where there is one


def try_out(onnx: bytes, X: Vectors, *, native: Any | None) -> Trial:
    """Ask it every row.

    Raises InvalidModel for what is no probability, Refused (parity_failed) where the native model answers otherwise.
    """
    classifier = OnnxClassifier.from_bytes(onnx)
    if classifier.width != X.shape[1]:
        raise InvalidModel(f"the ONNX file takes {classifier.width} features, {X.shape[1]} are given")
    answers, report = answered(classifier, X), {}
    if native is not None:
        difference = refuse_disparity(probability_up(native, X), answers)
        report["parity"] = {"difference": difference, "rows": len(X)}
    rows = X[np.linspace(0, len(X) - 1, GOLDEN_ROWS).astype(np.intp)]
    golden = answered(classifier, rows)
    refuse_company(classifier, rows, golden)
    return Trial(pack_arrays(X=rows, probability=golden), report)


def refuse_company(classifier: OnnxClassifier, rows: Vectors, together: Vectors) -> None:
    alone = np.concatenate([answered(classifier, row[np.newaxis]) for row in rows])
    if np.abs(alone - together).max() > ALONE:
        raise InvalidModel(
            "the model answers a row otherwise when other rows stand beside it, or at each time of asking"
        )


def answered(classifier: OnnxClassifier, X: Vectors) -> Vectors:
    """(m,) probabilities of up. Raises InvalidModel for answers that are none."""
    try:
        answers = classifier.probability_up(X)
    except UNLOADABLE as error:
        raise InvalidModel(f"the model fails when it is asked: {str(error).splitlines()[0]}") from error
    if answers.shape != (len(X),):
        raise InvalidModel(f"the model answers {len(answers)} times when it is asked {len(X)} times")
    if not np.isfinite(answers).all():
        raise InvalidModel(
            f"the model answers {(~np.isfinite(answers)).sum()} of {len(X)} rows with something that is not finite"
        )
    return answers
