"""The forest as a folder that `mlflow models serve` takes: `python -m bench.peers.mlflow_model FOLDER`."""

import sys

import joblib
import mlflow.sklearn

from bench.peers.given import NATIVE

mlflow.sklearn.save_model(
    joblib.load(NATIVE),
    sys.argv[1],
    pyfunc_predict_fn="predict_proba",
    pip_requirements=[],  # it is served in this very environment
    serialization_format="cloudpickle",
)
