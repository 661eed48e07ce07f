"""FastAPI and onnxruntime with one durable INSERT an answer, and the API key looked up in a dict."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

import asyncpg
from fastapi import Depends, FastAPI, Header, HTTPException, Request

from bench.peers.body import Features, Rows
from bench.peers.forest import probabilities_up
from bench.peers.given import DATABASE, KEY, OWNER, SOCKETS

MODEL, VERSION = "demo-usd-1m", 1
KEYS = {KEY: "bench"}
TABLE = """
CREATE TABLE IF NOT EXISTS peer_predictions (
    id uuid PRIMARY KEY,
    made_at timestamptz NOT NULL,
    model text NOT NULL,
    version integer NOT NULL,
    vector double precision[] NOT NULL,
    probability double precision NOT NULL,
    direction text NOT NULL,
    key text NOT NULL
)"""
INSERT = "INSERT INTO peer_predictions VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"

Row = tuple[UUID, datetime, str, int, list[float], float, str, str]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(host=SOCKETS, user=OWNER, database=DATABASE) as pool:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(1)")  # the other worker makes it too
            await connection.execute(TABLE)
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)


async def caller(x_api_key: Annotated[str, Header()] = "") -> str:
    if x_api_key not in KEYS:
        raise HTTPException(401, "unknown key")
    return KEYS[x_api_key]


Caller = Annotated[str, Depends(caller)]


def logged(vector: list[float], up: float, key: str) -> Row:
    return uuid4(), datetime.now(UTC), MODEL, VERSION, vector, up, "up" if up > 0.5 else "down", key


@app.post("/predict")
async def predict(request: Request, features: Features, key: Caller) -> dict[str, Any]:
    vector = features.vector()
    (up,) = probabilities_up([vector])
    row = logged(vector, up, key)
    await request.app.state.pool.execute(INSERT, *row)
    return {"id": row[0], "prediction": row[6], "probability_up": up}


@app.post("/predict/batch")
async def predict_batch(request: Request, body: Rows, key: Caller) -> dict[str, Any]:
    """Logged by one COPY."""
    ups = probabilities_up(body.rows)
    rows = [logged(vector, up, key) for vector, up in zip(body.rows, ups, strict=True)]
    await request.app.state.pool.copy_records_to_table("peer_predictions", records=rows)
    return {"probability_up": ups}
