"""The exported model must answer as the fitted one does: what was evaluated is what will serve."""

import numpy as np
from numpy.typing import ArrayLike

from cryptoml_site.errors import Refused

LIMIT = 1e-5


def refuse_disparity(native: ArrayLike, exported: ArrayLike, *, limit: float = LIMIT) -> float:
    """Largest difference between two arrays of probabilities. Refused (parity_failed) above the limit, or at NaN."""
    difference = float(np.abs(np.asarray(native, np.float64) - np.asarray(exported, np.float64)).max())
    if difference <= limit:
        return difference
    raise Refused(
        f"the ONNX file's probabilities are up to {difference:.2g} away from the fitted model's, {limit:g} is allowed: "
        "it will not be served; try other parameters, and report this model",
        code="parity_failed",
        evidence={"difference": difference if np.isfinite(difference) else None, "limit": limit},
    )
