"""What serves must answer as what was evaluated."""

import numpy as np
import pytest

from cryptoml_site.errors import Refused
from training.fitting.parity import refuse_disparity


def test_the_largest_difference_is_told():
    assert refuse_disparity([0.5, 0.6], [0.5, 0.600004]) == pytest.approx(4e-6)


@pytest.mark.parametrize("exported", [[0.5, 0.6001], [0.5, np.nan]])
def test_one_row_that_differs_is_enough_to_refuse(exported):
    with pytest.raises(Refused, match="will not be served") as refusal:
        refuse_disparity([0.5, 0.6], exported)
    assert refusal.value.code == "parity_failed"


def test_the_refusal_names_the_number():
    with pytest.raises(Refused, match=r"0\.1 away") as refusal:
        refuse_disparity([0.5], [0.6])
    assert refusal.value.evidence == {"difference": pytest.approx(0.1), "limit": 1e-5}


def test_a_limit_of_zero_asks_for_the_same_bits():
    assert refuse_disparity([0.25], np.array([0.25], np.float32), limit=0.0) == 0
    with pytest.raises(Refused):
        refuse_disparity([0.1], np.array([0.1], np.float32), limit=0.0)
