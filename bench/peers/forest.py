"""The ONNX model on one thread, as ours runs it."""

import numpy as np
import onnxruntime

from bench.peers.given import ONNX


def _session() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(ONNX, options, providers=["CPUExecutionProvider"])


SESSION = _session()
INPUT = SESSION.get_inputs()[0].name
OUTPUT = SESSION.get_outputs()[1].name  # after the label


def probabilities_up(rows: list[list[float]]) -> list[float]:
    (both,) = SESSION.run([OUTPUT], {INPUT: np.array(rows, dtype=np.float32)})
    up: list[float] = both[:, 1].tolist()
    return up
