"""Who may load what fits models."""

import subprocess
import sys

import pytest

STACK = {"pandas", "sklearn", "xgboost", "skl2onnx", "onnxmltools", "joblib", "scipy", "optuna"}


@pytest.mark.parametrize(
    "module", ["registry.onnx_model", "training.evaluation.report", "training.evaluation.archive", "training.tried"]
)
def test_the_ground_loads_none_of_the_fitting_stack(module):
    program = f"import sys, {module}; print(*{STACK} & set(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == ""
