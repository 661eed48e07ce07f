"""FastAPI and onnxruntime and nothing else, neither log nor key: the limit of this stack."""

from typing import Any

from fastapi import FastAPI

from bench.peers.body import Features, Rows
from bench.peers.forest import probabilities_up

app = FastAPI()


@app.post("/predict")
async def predict(features: Features) -> dict[str, Any]:
    (up,) = probabilities_up([features.vector()])
    return {"prediction": "up" if up > 0.5 else "down", "probability_up": up}


@app.post("/predict/batch")
async def predict_batch(body: Rows) -> dict[str, Any]:
    return {"probability_up": probabilities_up(body.rows)}
