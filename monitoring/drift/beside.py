"""One feature of a model's newest rows beside the rows that its version learnt from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitoring.drift.rows import newest_rows
from registry.bundles import REFERENCE, read_file, read_manifest
from registry.models import ModelVersion
from registry.plots import Curve, Plot
from training.evaluation.archive import unpack_arrays
from training.features.feature_set import feature_set
from training.models import Market

BINS = 24
TAIL = 0.5  # per cent of the rows at each end, that the outermost bins take in


def feature_beside(version: ModelVersion, name: str, *, rows: int) -> Plot:
    """rows: how many of the newest. Raises Refused where the bundle was altered, or the feature set is gone."""
    title = f"{name}: now, beside what version {version.number} learnt from"
    names = [feature["name"] for feature in version.signature]
    if name not in names or REFERENCE not in read_manifest(version.bundle):
        return Plot(title, "The version's bundle holds no reference of this feature.")
    market = Market.objects.filter(name=version.model.market).with_newest().first()
    place = names.index(name)
    now = newest_rows(version, feature_set(version.feature_set), market, window=rows).finite().X
    known = unpack_arrays(read_file(version.bundle, REFERENCE))["X"][:, place]
    if not len(now) or now.shape[1] != len(names):
        return Plot(title, "No row is known of the newest time.")
    return _histograms(title, known.astype(np.float64), now[:, place].astype(np.float64))


def _histograms(title: str, known: NDArray[np.float64], now: NDArray[np.float64]) -> Plot:
    both = np.concatenate([np.percentile(known, [TAIL, 100 - TAIL]), np.percentile(now, [TAIL, 100 - TAIL])])
    edges = np.linspace(both.min(), both.max() + np.finfo(np.float32).tiny, BINS + 1)
    middles = ((edges[:-1] + edges[1:]) / 2).tolist()
    return Plot(
        title,
        f"Shares of the {len(now):,} newest rows, and of {len(known):,} that were learnt from.",
        [
            Curve("now", _shares(now, edges), xs=middles),
            Curve("learnt from", _shares(known, edges), xs=middles, tone="quiet"),
        ],
        x="value",
        y="share of the rows",
    )


def _shares(values: NDArray[np.float64], edges: NDArray[np.float64]) -> list[float]:
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), bins=edges)
    shares: list[float] = np.round(counts / len(values), 4).tolist()
    return shares
