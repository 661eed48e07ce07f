"""The forest behind LitServe: `python -m bench.peers.litserve_server HOST PORT`."""

import sys
from typing import Any

import joblib
import litserve
import numpy as np
from numpy.typing import NDArray

from bench.peers.given import NATIVE


class Forest(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.model = joblib.load(NATIVE)

    def decode_request(self, request: dict[str, Any]) -> NDArray[np.float64]:
        return np.array(request["rows"])

    def predict(self, x: NDArray[np.float64]) -> Any:
        return self.model.predict_proba(x)[:, 1]

    def encode_response(self, output: NDArray[np.float64]) -> dict[str, Any]:
        return {"probability_up": output.tolist()}


if __name__ == "__main__":
    server = litserve.LitServer(Forest(), accelerator="cpu", workers_per_device=2)
    server.run(host=sys.argv[1], port=int(sys.argv[2]), generate_client_file=False, log_level="warning")
