"""What the benchmark tells a peer, by environment."""

import os

ONNX = os.environ.get("BENCH_ONNX", "")
NATIVE = os.environ.get("BENCH_NATIVE", "")
LOG = os.environ.get("BENCH_LOG", "")
KEY = os.environ.get("BENCH_KEY", "")
SOCKETS = os.environ.get("BENCH_SOCKETS", "")
DATABASE, OWNER = "cryptoml", "cryptoml_owner"
