"""Forecasts by schedule: one per model and close, made before the target candle closes, or said to be missing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import numpy as np
from django.db import connection, transaction
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Greatest

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused
from predictions import log
from predictions.answers import Answers, Asker, Evidence, answers_of
from predictions.engine import Serving, engine
from predictions.models import Forecast, MissedForecast
from predictions.newest import features_of
from registry.models import RegisteredModel
from training.datasets import Vectors, candles_sha256, newest_vector, newest_vectors, refuse_suspect
from training.features.feature_set import FeatureSet, feature_set
from training.models import Candle, Market
from training.outcomes import Close, expect
from training.series import CandleSeries

ASKER = Asker("schedule:forecast")
Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)
TOO_LATE = "no worker made a forecast before the target candle closed"


@dataclass(frozen=True)
class Due:
    """One model at the newest close of its market."""

    serving: Serving
    market: Market
    as_of: datetime
    known_until: datetime | None  # newest close that was forecast, or said to be missing

    @property
    def target_at(self) -> datetime:
        moment: datetime = self.market.known_at(self.as_of + self.serving.version.horizon * self.market.step)
        return moment

    @property
    def close(self) -> Close:
        return Close(self.market, self.as_of, self.serving.version.horizon)

    def skipped(self) -> list[datetime]:
        """Closes between the last one that is known of and this one."""
        if self.known_until is None:
            return []
        between = (self.as_of - self.known_until) // self.market.step - 1
        return [self.known_until + (place + 1) * self.market.step for place in range(between)]


@dataclass(frozen=True)
class Shown:
    """A close, and what its model is shown of it: a vector (k,) float32."""

    close: Due
    vector: Vectors
    evidence: Evidence


@dataclass(frozen=True)
class Report:
    made: int = 0
    missed: int = 0


def forecast_closes() -> Report:
    """Forecast the newest close of every model with a production version, once however often this runs.

    A close whose target candle has closed by now is not forecast after the fact: it is said to be missing.
    """
    moment = now()
    due = _due(moment)
    missed = _say_missing(due, moment)
    asked, silent = _not_silent([close for close in due if moment < close.target_at], moment)
    held, lost = _with_features(asked)
    shown, unanswerable = _evidence(held)
    missed += _say_unanswerable([*silent, *lost, *unanswerable])
    return Report(_make(shown), missed)


def _due(moment: datetime) -> list[Due]:
    """Models whose market has a close that is neither forecast nor said to be missing.

    A model is followed from its first timely close on: of a market that ends in the past nothing is missing.
    """
    serving = engine.refresh().serving
    named = Market.objects.filter(name__in={held.version.market for held in serving.values()})
    markets = {market.name: market for market in named.with_newest()}
    known = _known_until()
    due = []
    for held in serving.values():
        market, until = markets.get(held.version.market), known.get(held.version.model_id)
        if market is None or market.newest_opened_at is None:
            continue
        close = Due(held, market, market.newest_opened_at, until)
        if close.as_of > until if until is not None else moment < close.target_at:
            due.append(close)
    return due


def _not_silent(due: Sequence[Due], moment: datetime) -> tuple[list[Due], list[tuple[Due, str]]]:
    """Those that may be forecast; and those whose model is to give no answers, with who said so, or since when."""
    suspended = engine.snapshot.suspended
    reasons = [suspended.get(close.serving.version.model) or close.serving.silence(moment) for close in due]
    judged = list(zip(due, reasons, strict=True))
    return [close for close, reason in judged if not reason], [(close, reason) for close, reason in judged if reason]


def _with_features(due: Sequence[Due]) -> tuple[list[Due], list[tuple[Due, str]]]:
    """Those whose feature set is to be had as it was; and those for whom it is gone or has changed, with the reason."""
    held, lost = [], []
    for close in due:
        try:
            features_of(close.serving.version)
        except Refused as refused:
            lost.append((close, str(refused)))
        else:
            held.append(close)
    return held, lost


def _known_until() -> dict[int, datetime]:
    """By model, the newest close that was forecast or said to be missing; one look into each index a model."""
    forecast = Forecast.objects.filter(model=OuterRef("pk")).order_by("-as_of").values("as_of")[:1]
    missed = MissedForecast.objects.filter(model=OuterRef("pk")).order_by("-first_as_of").values("last_as_of")[:1]
    newest = Greatest(Subquery(forecast), Subquery(missed))  # of which Postgres ignores the one that is null
    known = RegisteredModel.objects.annotate(known_until=newest).filter(known_until__isnull=False)
    return dict(known.values_list("pk", "known_until"))


def _say_missing(due: Sequence[Due], moment: datetime) -> int:
    """Record what was skipped since the last forecast, and what is too late now. Each has an outcome all the same."""
    rows, closes = [], []
    for close in due:
        missing = [*close.skipped(), *([close.as_of] if moment >= close.target_at else [])]
        if missing:
            rows.append(_missed(close, missing, TOO_LATE))
            closes += [Close(close.market, as_of, close.serving.version.horizon) for as_of in missing]
    MissedForecast.objects.bulk_create(rows, ignore_conflicts=True)
    expect(closes)
    return len(closes)


def _say_unanswerable(unanswerable: Sequence[tuple[Due, str]]) -> int:
    MissedForecast.objects.bulk_create(
        (_missed(close, [close.as_of], reason) for close, reason in unanswerable), ignore_conflicts=True
    )
    expect(close.close for close, _ in unanswerable)
    return len(unanswerable)


def _missed(close: Due, missing: Sequence[datetime], reason: str) -> MissedForecast:
    return MissedForecast(
        model_id=close.serving.version.model_id,
        first_as_of=missing[0],
        last_as_of=missing[-1],
        closes=len(missing),
        reason=reason[:300],
    )


def _evidence(due: Sequence[Due]) -> tuple[list[Shown], list[tuple[Due, str]]]:
    """What each model is shown; and those whose window has a hole or a suspect candle, or whose features fail, with
    the reason."""
    shown, unanswerable = [], []
    windows = _windows(due)
    for (name, _), asked in _grouped(
        due, lambda close: (close.serving.version.feature_set, close.market.interval)
    ).items():
        features = feature_set(name)
        try:
            vectors = newest_vectors([windows[close.market.pk] for close in asked], features)
        except Refused as refused:  # a formula of the user's own that fails stops no other model
            unanswerable += [(close, str(refused)) for close in asked]
            continue
        for close, vector in zip(asked, vectors, strict=True):
            window = windows[close.market.pk][-features.window :]
            if np.isfinite(vector).all() and not window.suspect.any():
                shown.append(Shown(close, vector, _seen(close, window)))
            else:
                unanswerable.append((close, _reason(window, features)))
    return shown, unanswerable


def _seen(close: Due, window: CandleSeries) -> Evidence:
    return Evidence(
        market=close.market.name,
        as_of=close.as_of,
        target_at=close.target_at,
        candles_sha256=candles_sha256(window),
    )


def _reason(window: CandleSeries, features: FeatureSet) -> str:
    """Why nothing is answered from it, in the words of who refuses it."""
    try:
        newest_vector(window, features)
        refuse_suspect(window, features)
    except Refused as refused:
        return str(refused)
    return "its features are not finite"


def _grouped(items: Iterable[Item], by: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    groups: dict[Key, list[Item]] = defaultdict(list)
    for item in items:
        groups[by(item)].append(item)
    return groups


def _windows(due: Sequence[Due]) -> dict[int, CandleSeries]:
    """By market, its newest candles, as many as the longest window asks for; one query for each interval."""
    windows: dict[int, CandleSeries] = {}
    for (as_of, _), asked in _grouped(due, lambda close: (close.as_of, close.market.interval)).items():
        longest = max(feature_set(close.serving.version.feature_set).window for close in asked)
        step = asked[0].market.step
        candles = Candle.objects.filter(market__in={close.market.pk for close in asked})
        stretch = candles.ending_at(as_of, candles=longest, step=step)
        windows |= stretch.series_by_market(interval=int(step.total_seconds()))
    return windows


def _make(shown: Sequence[Shown]) -> int:
    """One call of each bundle's model for all of its rows, then one transaction for all forecasts."""
    made: list[Answers] = []
    for asked in _grouped(shown, lambda one: one.close.serving.version.bundle).values():
        X = np.stack([one.vector for one in asked])
        scored = engine.scored(asked[0].close.serving.version, X)
        made += [
            answers_of(
                one.close.serving,
                X[place : place + 1],
                scored.row(place),
                asker=ASKER,
                evidence=one.evidence,
            )
            for place, one in enumerate(asked)
        ]
    with transaction.atomic():
        claimed = _claim(sorted(made, key=lambda answers: answers.serving.version.model_id))  # one order for all
        log.copy(claimed)
        expect(one.close.close for one in shown)
    return len(claimed)


def _claim(made: Sequence[Answers]) -> list[Answers]:
    """Insert the schedule's claims; the answers whose claim is ours, those of another that came first left out."""
    if not made:
        return []
    claims = [
        (answers.serving.version.model_id, answers.evidence.as_of, answers.ids[0], answers.made_at) for answers in made
    ]
    columns: list[Any] = [list(column) for column in zip(*claims, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO predictions_forecast (model_id, as_of, prediction_id, created_at) "
            "SELECT * FROM unnest(%s::bigint[], %s::timestamptz[], %s::uuid[], %s::timestamptz[]) "
            "ON CONFLICT (model_id, as_of) DO NOTHING RETURNING prediction_id",
            columns,
        )
        ours = {row[0] for row in cursor.fetchall()}
    return [answers for answers in made if answers.ids[0] in ours]
