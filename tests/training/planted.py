"""Datasets whose truth is known: how much of the next return the features tell."""

import numpy as np

from training.datasets import Dataset

START = 1_700_006_400  # a midnight, UTC
HOUR = 3_600


def planted(rows=2_000, *, signal=0.0, horizon=1, width=3, seed=0, **changes):
    """`signal`: correlation of the first feature with the log return ahead; the others are noise."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, width)).astype(np.float32)
    ahead = 0.01 * (signal * X[:, 0] + np.sqrt(1 - signal**2) * rng.normal(size=rows))
    facts = {
        "X": X,
        "y": (ahead > 0).astype(np.int8),
        "as_of": START + HOUR * np.arange(rows, dtype=np.int64),
        "log_return": ahead,
        "closes": 45_000 * np.exp(np.concatenate([[0.0], np.cumsum(ahead[:-1])])),
        "returns": np.zeros((rows, 5)),
        "sigma": np.full(rows, 0.01),
        "feature_set": "planted",
        "feature_names": [f"feature_{number}" for number in range(width)],
        "horizon": horizon,
        "interval": HOUR,
        "dropped": {},
        "data_start": START,
        "data_end": START + HOUR * (rows - 1),
        "sha256": "0" * 64,
    }
    return Dataset(**{**facts, **changes})
