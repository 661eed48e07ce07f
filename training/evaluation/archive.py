"""Arrays as the bytes of an .npz file, and back: what a bundle keeps and gates read."""

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray


def pack_arrays(**arrays: NDArray[Any]) -> bytes:
    """Compressed; the same arrays give the same bytes."""
    buffer = BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def unpack_arrays(packed: bytes) -> dict[str, NDArray[Any]]:
    """Refuses pickled objects (ValueError)."""
    with np.load(BytesIO(packed), allow_pickle=False) as stored:
        return dict(stored)
