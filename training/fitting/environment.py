"""Where a model was fitted: versions and machine, for its lineage."""

import platform
from pathlib import Path

import numpy as np
import onnxruntime
import skl2onnx
import sklearn
import xgboost
from joblib import cpu_count

CPUINFO = Path("/proc/cpuinfo")


def environment() -> dict[str, str | int]:
    """Fingerprint of what may change a fitted model's bits."""
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "sklearn": sklearn.__version__,
        "xgboost": xgboost.__version__,
        "onnxruntime": onnxruntime.__version__,
        "skl2onnx": skl2onnx.__version__,
        "platform": platform.platform(),
        "cpu": _cpu(),
        "cores": cpu_count(),
    }


def _cpu() -> str:
    """Its name as Linux tells it, the architecture elsewhere."""
    if CPUINFO.exists():
        for line in CPUINFO.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
