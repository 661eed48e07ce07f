"""Does a version's bundle still hold what was registered, and do its two models agree?"""

from dataclasses import dataclass
from io import BytesIO

import joblib

from registry.bundles import GOLDEN, NATIVE, ONNX, read_file, verify_bundle
from registry.models import ModelVersion
from registry.onnx_model import OnnxClassifier
from training.datasets import Vectors
from training.evaluation.archive import unpack_arrays
from training.fitting import calibrating
from training.fitting.converting import probability_up
from training.fitting.estimators import estimator_named
from training.fitting.importing import IMPORTED
from training.fitting.parity import refuse_disparity


@dataclass(frozen=True)
class BundleCheck:
    files: int
    rows: int  # golden ones
    golden_difference: float  # largest, of ONNX now against ONNX when it was registered
    native_difference: float | None  # largest, of ONNX against the native model; None where there is none


def check_bundle(version: ModelVersion) -> BundleCheck:
    """Raises BundleAltered for a file that differs, Refused (parity_failed) where answers do.

    Opens the native model, a pickle, after its sha256 was found as registered: for workers and commands only.
    """
    files = verify_bundle(version.bundle)
    golden = unpack_arrays(read_file(version.bundle, GOLDEN))
    answers = OnnxClassifier.from_bytes(read_file(version.bundle, ONNX)).probability_up(golden["X"])
    return BundleCheck(
        files=len(files),
        rows=len(answers),
        golden_difference=refuse_disparity(golden["probability"], answers, limit=0.0),
        native_difference=_native_difference(version, golden["X"], answers) if NATIVE in files else None,
    )


def _native_difference(version: ModelVersion, X: Vectors, answers: Vectors) -> float:
    native = joblib.load(BytesIO(read_file(version.bundle, NATIVE)))
    if version.estimator.startswith(IMPORTED):
        return refuse_disparity(probability_up(native, X), answers)
    return refuse_disparity(calibrating.probability_up(estimator_named(version.estimator), native, X), answers)
