"""The design of most tutorials: FastAPI, a pickled scikit-learn forest, `def` endpoints, a line in a file."""

import json
from datetime import UTC, datetime
from typing import Any

import joblib
import numpy as np
from fastapi import FastAPI

from bench.peers.body import Features, Rows
from bench.peers.given import LOG, NATIVE

app = FastAPI()
model = joblib.load(NATIVE)


@app.post("/predict")
def predict(features: Features) -> dict[str, Any]:
    up = float(model.predict_proba(np.array([features.vector()]))[0, 1])
    answer = {"prediction": "up" if up > 0.5 else "down", "probability_up": up}
    line = {"at": datetime.now(UTC).isoformat(), **features.model_dump(), **answer}
    with open(LOG, "a") as log:
        log.write(json.dumps(line) + "\n")
    return answer


@app.post("/predict/batch")
def predict_batch(body: Rows) -> dict[str, Any]:
    """Not logged."""
    return {"probability_up": model.predict_proba(np.array(body.rows))[:, 1].tolist()}
