"""Which rows are fitted and which are held back: later ones, never random ones, which would lie between fitted rows."""

import numpy as np

from cryptoml_site.errors import Refused
from training.fitting.estimators.estimator import Labels

SHARE = 5  # of the rows one in so many, the newest


def newest_fifth(rows: int, *, horizon: int) -> tuple[slice, slice]:
    """Of rows in time order the older ones, and the newest fifth; `horizon` rows between the two belong to neither.

    >>> newest_fifth(100, horizon=3)
    (slice(0, 77, None), slice(80, 100, None))
    """
    cut = rows - rows // SHARE
    return slice(0, max(cut - horizon, 0)), slice(cut, rows)


def refuse_one_class(y: Labels, what: str) -> None:
    """Refused (one_class) where all labels are the same, or there are none. what: the rows, as a sentence begins."""
    ups = int(np.sum(y))
    if 0 < ups < len(y):
        return
    way = "went up" if ups else "went down or nowhere"
    raise Refused(
        f"{what}: all {len(y):,} {way}, so that there is nothing to tell apart: load another stretch of history, or "
        "ask for fewer folds",
        code="one_class",
        evidence={"rows": len(y), "ups": ups},
    )
