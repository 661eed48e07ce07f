"""Candles in, rows to learn from out, and the one row to answer from: the same bits, by the same functions."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from cryptoml_site.errors import Invalid, Refused, Unknown
from training.features.feature import Rows, present
from training.features.feature_set import FeatureSet
from training.features.windows import unbroken
from training.labels import log_returns_ahead, trailing_returns, trailing_sigma, went_up
from training.series import CandleSeries, Floats, Seconds

Vectors = NDArray[np.float32]
RETURNS = 5  # candles whose returns the logistic baseline sees


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows in time order. `dropped` counts, by reason, the places of the grid that gave none (see `build_dataset`).

    The arrays are read-only: an estimator that wrote into the rows that it is shown would alter what others are shown,
    and what its own export is held against.
    """

    X: Vectors  # (m, k), every entry finite
    y: NDArray[np.int8]  # (m,) 1 where the price went up
    as_of: Seconds  # (m,) open time of the newest candle that the row sees
    log_return: Floats  # (m,) from the close at as_of to the one `horizon` candles later
    closes: Floats  # (m,) close at as_of
    returns: Floats  # (m, 5) log returns of the last five candles as of the row, newest first, 0.0 where unknown
    sigma: Floats  # (m,) standard deviation that the last 100 candles let expect of log_return, NaN where unknown
    feature_set: str
    feature_names: list[str]
    horizon: int  # candles
    interval: int  # seconds
    dropped: dict[str, int]
    data_start: int  # open time of the first and of the last candle given, unix seconds
    data_end: int
    sha256: str  # of those candles

    def __post_init__(self) -> None:
        for field in fields(self):
            held = getattr(self, field.name)
            if isinstance(held, np.ndarray):
                seen = held.view()
                seen.flags.writeable = False
                object.__setattr__(self, field.name, seen)

    def __len__(self) -> int:
        return len(self.y)

    def require(self, minimum: int) -> None:
        """Refuse to learn from fewer rows than `minimum`, or from one direction only."""
        evidence = {"rows": len(self), "minimum": minimum, "ups": int(self.y.sum()), "dropped": self.dropped}
        if len(self) < minimum:
            lost = ", ".join(f"{count} {reason}" for reason, count in self.dropped.items() if count) or "none"
            raise Refused(
                f"{len(self)} rows are left of {len(self) + sum(self.dropped.values())} candles, {minimum} are needed "
                f"(dropped: {lost}): load a longer history",
                code="too_few_rows",
                evidence=evidence,
            )
        if len(np.unique(self.y)) < 2:
            way = "up" if self.y[:1].any() else "down or nowhere"
            raise Refused(
                f"all {len(self)} rows went {way}: there is nothing to tell apart", code="one_class", evidence=evidence
            )


def build_dataset(series: CandleSeries, feature_set: FeatureSet, *, horizon: int) -> Dataset:
    """Every row whose features and label are known; nothing is filled in.

    Each place of the series' grid becomes a row or is counted in `dropped`, under the first reason that applies:
    warm_up (the series begins within the window), hole (a candle of the window is absent, or the one that settles
    the row), absent_volume (a volume that a feature reads is), suspect (a candle of the window is not believed, or the
    one that settles the row), no_label (the candle that settles it lies past the end), not_finite (a feature overflows
    float32, or the return does). Kept and dropped add up to len(series).
    """
    if horizon < 1:
        raise Invalid(f"the horizon is {horizon} candles: ask for 1 or more", code="invalid_horizon", field="horizon")
    if len(series) == 0:
        raise Refused("there are no candles: load a history", code="too_few_rows", evidence={"rows": 0})
    X = as_float32(feature_set.matrix(series))
    closes = np.where(present(series.close), series.close, np.nan)
    with np.errstate(all="ignore"):  # a return that overflows is counted as not finite
        log_return = log_returns_ahead(closes, horizon=horizon)
        returns, sigma = trailing_returns(closes, count=RETURNS), trailing_sigma(closes, horizon=horizon)
    past_end = np.arange(len(series)) >= len(series) - horizon
    faults = feature_set.faults(series)
    faults["hole"] |= np.isnan(log_return) & ~past_end
    overflows = ~np.isfinite(X).all(axis=1) | np.isinf(log_return)
    suspect = _touch_suspects(series, window=feature_set.window, horizon=horizon)
    kept, dropped = first_reasons({**faults, "suspect": suspect, "no_label": past_end, "not_finite": overflows})
    return Dataset(
        X=X[kept],
        y=went_up(log_return[kept]).astype(np.int8),
        as_of=series.opened_at[kept],
        log_return=log_return[kept],
        closes=closes[kept],
        returns=returns[kept],
        sigma=sigma[kept],
        feature_set=feature_set.name,
        feature_names=feature_set.names,
        horizon=horizon,
        interval=series.interval,
        dropped=dropped,
        data_start=int(series.opened_at[0]),
        data_end=int(series.opened_at[-1]),
        sha256=candles_sha256(series),
    )


def newest_vector(series: CandleSeries, feature_set: FeatureSet, *, as_of: int | None = None) -> Vectors:
    """(k,) float32, the features as of a candle (open time, unix seconds), the series' last one unless told.

    To the bit the row that `build_dataset` has for that moment, from the feature set's window of candles alone.
    Refused (window_incomplete) where the window misses something, naming what; (not_finite) where a number overflows.
    """
    end = place_of(series, as_of) + 1
    window = series[max(end - feature_set.window, 0) : end]
    refuse_incomplete(window, feature_set)
    vector = as_float32(feature_set.newest(window))
    overflown = [name for name, value in zip(feature_set.names, vector, strict=True) if not np.isfinite(value)]
    if overflown:
        raise Refused(
            f"{', '.join(overflown)} overflow float32 as of {stamp(window.opened_at[-1])}: check that candle's figures",
            code="not_finite",
            evidence={"features": overflown},
        )
    return vector


def newest_vectors(windows: Sequence[CandleSeries], feature_set: FeatureSet) -> Vectors:
    """(n, k) float32: of each of n series the newest row, to the bit `newest_vector`'s; NaN or infinite where that
    refuses. All n at once cost little more than one: a row sees its own window and nothing else, so the windows are
    laid end to end.
    """
    whole = [place for place, series in enumerate(windows) if len(series) >= feature_set.window]
    vectors = np.full((len(windows), len(feature_set.names)), np.nan, dtype=np.float32)
    if whole:
        laid = CandleSeries.end_to_end([windows[place][-feature_set.window :] for place in whole])
        vectors[whole] = as_float32(feature_set.matrix(laid)[feature_set.window - 1 :: feature_set.window])
    return vectors


def refuse_incomplete(window: CandleSeries, feature_set: FeatureSet) -> None:
    """Refuse the window of candles (its last one is as_of) that does not give a row, and say what it misses."""
    faults = feature_set.faults(window)
    reason = next((reason for reason, rows in faults.items() if rows[-1]), None)
    if reason is None:
        return
    missing = _missing(window, feature_set, reason)
    as_of = int(window.opened_at[-1])
    raise Refused(
        f"{feature_set.name} needs the {feature_set.window} candles up to {stamp(as_of)}, but {missing}",
        code="window_incomplete",
        evidence={"reason": reason, "as_of": as_of, "window": feature_set.window, "candles": len(window)},
    )


def refuse_suspect(window: CandleSeries, feature_set: FeatureSet) -> None:
    """Refuse to answer from a window of candles (its last one is as_of) with one whose close is not believed.

    For who answers now: an answer of then, given before the candle was marked, is still computed again from it.
    """
    seen = window[-feature_set.window :]
    suspect = seen.opened_at[seen.suspect]
    if not len(suspect):
        return
    others = f" (and {len(suspect) - 1} more)" if len(suspect) > 1 else ""
    raise Refused(
        f"{feature_set.name} sees the {feature_set.window} candles up to {stamp(seen.opened_at[-1])}, and the close of "
        f"the one opened at {stamp(suspect[-1])}{others} is suspect (it leapt by more than 10 sigmas, and came back): "
        "load what its source says now or, if it is right, clear it with manage.py check_candles MARKET --clear",
        code="suspect_candle",
        evidence={"suspect": [stamp(seconds) for seconds in suspect], "as_of": int(seen.opened_at[-1])},
    )


def _touch_suspects(series: CandleSeries, *, window: int, horizon: int) -> Rows:
    """Rows with a suspect candle within their window, or as the one that settles them."""
    believed = ~series.suspect
    touched: Rows = unbroken(believed) < np.minimum(np.arange(len(series)) + 1, window)
    touched[:-horizon] |= series.suspect[horizon:]
    return touched


def _missing(window: CandleSeries, feature_set: FeatureSet, reason: str) -> str:
    if reason == "warm_up":
        return f"the history held has {len(window)} of them: load more"
    figure = reason.removeprefix("absent_") if reason != "hole" else "close"
    there = present(getattr(window, figure))
    reach = feature_set.reads[figure]  # type: ignore[index]  # a reason is named for a column that the set reads
    opened_at = window.opened_at[-reach:][~there[-reach:]]
    thing = "candle" if reason == "hole" else f"{figure} of the candle"
    others = f" (and {len(opened_at) - 1} more)" if len(opened_at) > 1 else ""
    return f"the {thing} opened at {stamp(opened_at[-1])} is absent{others}: fetch it"


def place_of(series: CandleSeries, as_of: int | None) -> int:
    """Index of the candle opened at `as_of`, of the last one for None; Unknown where the series does not reach."""
    if len(series) == 0:
        raise Unknown("there are no candles to answer from: load a history", code="unknown_candle", field="as_of")
    if as_of is None:
        return len(series) - 1
    place, remainder = divmod(as_of - int(series.opened_at[0]), series.interval)
    if remainder or not 0 <= place < len(series):
        raise Unknown(
            f"no candle opened at {stamp(as_of)}: those held open every {series.interval} s from "
            f"{stamp(series.opened_at[0])} to {stamp(series.opened_at[-1])}",
            code="unknown_candle",
            field="as_of",
        )
    return place


def first_reasons(faults: dict[str, Rows]) -> tuple[Rows, dict[str, int]]:
    """Rows without a fault, and how many fell to each: one with several counts under the first.

    >>> first_reasons({"hole": np.array([True, True, False]), "no_label": np.array([False, True, False])})
    (array([False, False,  True]), {'hole': 2, 'no_label': 0})
    """
    kept = np.ones_like(next(iter(faults.values())))
    dropped = {}
    for reason, rows in faults.items():
        dropped[reason] = int((kept & rows).sum())
        kept &= ~rows
    return kept, dropped


def as_float32(values: Floats) -> Vectors:
    """As models take them; what float32 cannot hold becomes infinite, so test for finiteness after this, not before.

    >>> as_float32(np.array([1e39]))
    array([inf], dtype=float32)
    """
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def candles_sha256(series: CandleSeries) -> str:
    """Hash of the candles themselves: interval, stamps and every figure, little-endian, one NaN for all absences."""
    digest = sha256(f"interval {series.interval}".encode())
    digest.update(series.opened_at.astype("<i8").tobytes())
    for figures in (series.open, series.high, series.low, series.close, series.volume):
        digest.update(np.where(np.isnan(figures), np.nan, figures).astype("<f8").tobytes())
    return digest.hexdigest()


def stamp(seconds: int) -> str:
    """The moment for a reader, however far off.

    >>> stamp(1_700_006_400), stamp(10**12)
    ('2023-11-15T00:00:00Z', '33658-09-27T01:46:40Z')
    """
    return f"{np.datetime64(int(seconds), 's')}Z"
