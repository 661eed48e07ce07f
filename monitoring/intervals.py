"""How sure a share of few figures is."""

from math import sqrt

Z = 1.959963984540054  # 97.5 % of a standard normal lie below


def wilson(right: int, n: int) -> tuple[float, float]:
    """The 95 % interval of Wilson (1927) for `right` of n independent tries; n >= 1.

    >>> [round(bound, 3) for bound in wilson(5, 10)]
    [0.237, 0.763]
    """
    share, weight = right / n, Z**2 / n
    centre = (share + weight / 2) / (1 + weight)
    half = Z * sqrt(share * (1 - share) / n + weight / (4 * n)) / (1 + weight)
    return centre - half, centre + half
