"""The forest as a BentoML service, run by `bentoml serve`."""

import bentoml
import joblib
import numpy as np

from bench.peers.given import NATIVE


@bentoml.service(workers=2)
class Forest:
    def __init__(self) -> None:
        self.model = joblib.load(NATIVE)

    @bentoml.api
    def predict(self, rows: list[list[float]]) -> list[float]:
        up: list[float] = self.model.predict_proba(np.array(rows))[:, 1].tolist()
        return up
