"""Where a moment lies in its day and its week, as points on a circle: 23:00 is as near to midnight as 01:00."""

from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray

from training.series import Floats, Seconds

HOUR, DAY = 3600, 86_400
EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday; Monday is 0


def circle(steps: int) -> NDArray[np.float64]:
    """(steps, 2) sine and cosine, rounded so that no mathematics library's last bit shows."""
    angles = [2 * pi * step / steps for step in range(steps)]
    return np.array([[round(sin(angle), 15), round(cos(angle), 15)] for angle in angles])


HOURS, WEEKDAYS = circle(24), circle(7)


def hour_of_day(moments: Seconds) -> Floats:
    """(n, 2) sine and cosine of the UTC hour, begun hours counting.

    >>> hour_of_day(np.array([0, 6 * 3600, 12 * 3600 + 59])).tolist()
    [[0.0, 1.0], [1.0, 0.0], [0.0, -1.0]]
    """
    return HOURS[moments // HOUR % 24]


def day_of_week(moments: Seconds) -> Floats:
    """(n, 2) sine and cosine of the UTC weekday; Monday lies at (0, 1).

    >>> day_of_week(np.array([4 * 86_400])).tolist()
    [[0.0, 1.0]]
    """
    return WEEKDAYS[(moments // DAY + EPOCH_WEEKDAY) % 7]
