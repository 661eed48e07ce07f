"""What tests are made of: small, real rows and real bundles."""

import json
from datetime import UTC, datetime
from functools import cache
from math import log
from pathlib import Path

import numpy as np
import onnx
from django.core.files.storage import storages
from onnx import TensorProto, helper

from cryptoml_site.clock import now
from predictions.ids import uuid7
from predictions.models import Prediction
from registry.bundles import EVALUATION, GOLDEN, NOVELTY, ONNX, REPORT, SIGNATURE, write_bundle
from registry.models import AnswerPolicy, ModelVersion, RegisteredModel
from training.evaluation.archive import pack_arrays
from training.evaluation.novelty import NoveltyDetector
from training.features.feature_set import feature_set
from training.models import Candle, Market


def constant_onnx(probability_up: float, width: int = 9) -> bytes:
    """A classifier that gives every row the same answer, so that a test can tell versions apart."""
    node = helper.make_node(
        "LinearClassifier",
        ["X"],
        ["label", "probabilities"],
        domain="ai.onnx.ml",
        classlabels_ints=[0, 1],
        coefficients=[0.0] * (2 * width),
        intercepts=[0.0, log(probability_up / (1 - probability_up))],
        post_transform="SOFTMAX",
    )
    graph = helper.make_graph(
        [node],
        "constant",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, width])],
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, [None]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 2]),
        ],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    return model.SerializeToString()


def report(*, edge_low: float = 0.01, n: int = 2000, brier: float = 0.24) -> dict:
    """A walk-forward report; by default one that passes every gate."""
    return {
        "rows": n,
        "dataset": {"rows": n, "dropped": {}},
        "metrics": {
            "accuracy": {"value": 0.55, "low": 0.53, "high": 0.57},
            "brier": brier,
            "log_loss": 0.68,
            "ece": 0.02,
        },
        "reliability": [{"rows": n // 10, "probability": 0.5, "frequency": 0.52}] * 10,
        "constant": {"brier": 0.25, "log_loss": 0.693},
        "baseline": {"name": "majority", "accuracy": 0.52},
        "edge": {"value": 0.03, "low": edge_low, "high": 0.05, "n": n, "block": 16},
    }


def make_model(name: str = "bitcoin-usd-1d", *, default: bool = True) -> RegisteredModel:
    model = RegisteredModel.objects.of_market("bitcoin-usd-1d", name=name)
    if default:
        model.make_default()
    return model


def make_policy(model: RegisteredModel, **facts: object) -> AnswerPolicy:
    """The model's answer policy, with these fields changed."""
    policy, _ = AnswerPolicy.objects.update_or_create(model=model, defaults=facts)
    return policy


@cache
def evaluation(rows: int = 2000) -> bytes:
    """Walk-forward rows of a model that is right in 55 of 100; the same for every version, so that none is worse."""
    rng = np.random.default_rng(0)
    y_true, right = rng.integers(0, 2, rows, dtype=np.int8), rng.random(rows) < 0.55
    as_of = 1_577_836_800 + 3_600 * np.arange(rows, dtype=np.int64)
    return pack_arrays(as_of=as_of, y_true=y_true, probability=np.where(right == y_true, 0.6, 0.4))


def make_version(
    *,
    model: RegisteredModel | None = None,
    probability_up: float = 0.75,
    features: str = "classic",
    metrics: dict | None = None,
    detector: NoveltyDetector | None = None,
    **facts: object,
) -> ModelVersion:
    """A candidate with a bundle of its own that answers `probability_up`; without a detector it scores no novelty."""
    chosen = feature_set(features)
    signature = chosen.signature()
    measured = report() if metrics is None else metrics
    X = np.zeros((4, len(signature)), np.float32)
    bundle = write_bundle(
        {
            ONNX: constant_onnx(probability_up, len(signature)),
            SIGNATURE: json.dumps(signature).encode(),
            REPORT: json.dumps(measured).encode(),
            EVALUATION: evaluation(),
            GOLDEN: pack_arrays(X=X, probability=np.full(len(X), probability_up, np.float32)),
            **({NOVELTY: detector.pack()} if detector else {}),
        }
    )
    return ModelVersion.objects.register(
        model or make_model(),
        bundle=bundle,
        estimator="constant",
        feature_set=features,
        feature_set_sha256=chosen.sha256,
        signature=signature,
        metrics=measured,
        **{
            "data_start": datetime(2020, 1, 1, tzinfo=UTC),
            "data_end": now(),
            "data_sha256": "0" * 64,
            "created_by": "user:tester",
            **facts,
        },
    )


def alter(bundle: str, name: str) -> None:
    """Change one byte of a bundle's file on disk."""
    path = Path(storages["bundles"].path(f"{bundle[:2]}/{bundle}/{name}"))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def make_market(name: str = "bitcoin-usd-1d", *, newest: datetime | None = None, candles: int = 60) -> Market:
    """A market whose newest candle opened at `newest`, with a slowly waving price."""
    coin, currency, interval = name.split("-")
    market = Market.objects.create(name=name, coin=coin, currency=currency, interval=interval, source="csv")
    if newest is not None:
        Candle.objects.bulk_create(
            Candle(
                market=market,
                opened_at=newest - step * market.step,
                close=100.0 + (7 * step) % 13,
                volume=1000.0 + (5 * step) % 11,
            )
            for step in range(candles)
        )
    return market


def make_prediction(*, made_at: datetime, version: ModelVersion | None = None, **facts: object) -> Prediction:
    """A row of the log as if answered at that moment."""
    answered = version or make_version()
    return Prediction.objects.create(
        **{
            "id": uuid7(made_at),
            "made_at": made_at,
            "model": answered.model,
            "version": answered,
            "generation": 0,
            "role": Prediction.Role.PRODUCTION,
            "actor": "user:tester",
            "horizon": 1,
            "vector": [1.0] * len(answered.signature),
            "probability_up": 0.75,
            "direction": Prediction.Direction.UP,
            "simulated": False,
            **facts,
        }
    )
