"""Feature sets: named lists that a version was trained on, and the catalogue of those that exist."""

import json
from dataclasses import dataclass, replace
from functools import cache, cached_property
from hashlib import sha256

import numpy as np

from cryptoml_site.errors import Unknown
from training.features import classic, technical
from training.features.feature import DTYPE, Column, Feature, Rows, whole
from training.plugins import failing_as, named_by_path
from training.series import CandleSeries, Floats

FIELD, UNKNOWN = "feature_set", "unknown_feature_set"


@dataclass(frozen=True)
class FeatureSet:
    """`revision` is raised whenever a value changes that name, unit and window do not show."""

    name: str
    features: tuple[Feature, ...]
    revision: int

    def __post_init__(self) -> None:
        if not self.features:
            raise ValueError(f"{self.name} has no features")
        if len(set(self.names)) != len(self.features):
            raise ValueError(f"{self.name} names a feature twice")

    @property
    def names(self) -> list[str]:
        return [feature.name for feature in self.features]

    @property
    def window(self) -> int:
        """Candles, ending with t, that a row needs."""
        return max(feature.window for feature in self.features)

    @cached_property
    def reads(self) -> dict[Column, int]:
        """The figures read, each with the longest window over which it is; closes are needed over the whole window."""
        longest: dict[Column, int] = {"close": self.window}
        for feature in self.features:
            for column in feature.reads:
                longest[column] = max(longest.get(column, 0), feature.window)
        return longest

    def faults(self, series: CandleSeries) -> dict[str, Rows]:
        """Why rows have no features: (n,) masks by reason; of several that apply to a row, the first is the reason.

        warm_up: the series begins within the window. hole: a candle of the window is absent. absent_<figure>: every
        candle is there, but one within the figure's window has none.
        """
        missing = {column: ~whole(series, column, window) for column, window in self.reads.items()}
        hole = missing.pop("close")
        warm_up: Rows = np.arange(len(series)) < self.window - 1
        return {"warm_up": warm_up, "hole": hole, **{f"absent_{column}": rows for column, rows in missing.items()}}

    def matrix(self, series: CandleSeries) -> Floats:
        """(n, k) float64; a row is NaN throughout where anything that it needs is absent.

        Raises Refused as `failing_as` does, naming the feature whose formula fails.
        """
        values = np.column_stack([self._column(feature, series) for feature in self.features])
        values[np.logical_or.reduce(list(self.faults(series).values()))] = np.nan
        return values

    def _column(self, feature: Feature, series: CandleSeries) -> Floats:
        with failing_as(f"feature {feature.name} of {self.name}"):
            return feature.column(series).astype(np.float64, copy=False)

    def newest(self, series: CandleSeries) -> Floats:
        """(k,) float64: the last row of the matrix, from no more candles than it needs; to the bit the same."""
        newest: Floats = self.matrix(series[-self.window :])[-1]
        return newest

    def signature(self) -> list[dict[str, str]]:
        """What a vector holds, in order: name, dtype, unit and description."""
        return [feature.described() for feature in self.features]

    @property
    def sha256(self) -> str:
        """Changes whenever a vector would mean something else."""
        meaning = [[feature.name, DTYPE, feature.unit, feature.window] for feature in self.features]
        return sha256(json.dumps([self.revision, meaning]).encode()).hexdigest()


FEATURE_SETS: dict[str, FeatureSet] = {
    "classic": FeatureSet("classic", classic.FEATURES, revision=1),
    "technical": FeatureSet("technical", technical.FEATURES, revision=1),
}


def feature_set(name: str) -> FeatureSet:
    """The feature set of that name, or at that dotted path; Unknown where there is none."""
    if name in FEATURE_SETS:
        return FEATURE_SETS[name]
    if "." in name:
        return _of_a_user(name)
    raise Unknown(
        f"there is no feature set {name!r}: choose one of {', '.join(FEATURE_SETS)}, or name one of your own by its "
        "dotted path",
        code=UNKNOWN,
        field=FIELD,
    )


@cache
def _of_a_user(path: str) -> FeatureSet:
    """Called by its path, so that whoever reads a version's feature set finds it again."""
    found = named_by_path(path, what=FIELD, code=UNKNOWN)
    if not isinstance(found, FeatureSet):
        raise Unknown(
            f"'{path}' is a {type(found).__name__}, not a FeatureSet: make it one of {FeatureSet.__module__}'s",
            code=UNKNOWN,
            field=FIELD,
        )
    return replace(found, name=path)
