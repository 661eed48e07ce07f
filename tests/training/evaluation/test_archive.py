"""Arrays in a bundle's files."""

import numpy as np
import pytest

from training.evaluation.archive import pack_arrays, unpack_arrays


def test_arrays_come_back_with_their_bits_and_types():
    X = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    back = unpack_arrays(pack_arrays(X=X, names=np.array(["a", "b"])))
    assert back["X"].tobytes() == X.tobytes()
    assert back["X"].dtype == np.float32
    assert back["names"].tolist() == ["a", "b"]


def test_the_same_arrays_give_the_same_bytes():
    assert pack_arrays(a=np.arange(9)) == pack_arrays(a=np.arange(9))


def test_objects_are_refused_both_ways(tmp_path):
    with pytest.raises(ValueError, match="Object arrays"):
        pack_arrays(a=np.array([object()]))
    np.savez(tmp_path / "pickled.npz", a=np.array([{}]))
    with pytest.raises(ValueError, match="Object arrays"):
        unpack_arrays((tmp_path / "pickled.npz").read_bytes())
