"""How good the forecasts are, and what they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import QuerySet

from monitoring.alerts.watched.firing import Firing
from monitoring.live import LiveRate, live_rates
from monitoring.models import AlertRule, DriftEvent
from registry.models import ModelVersion
from training.concerns import data_concern, span
from training.models import Market

FEWEST_OUTCOMES = 100  # below which a hit rate alarms nobody


def drift(rule: AlertRule, at: datetime) -> Sequence[Firing]:
    """Each incident that is open."""
    events = DriftEvent.objects.open().select_related("model", "version")
    if rule.model_id:
        events = events.filter(model=rule.model_id)
    return [
        Firing(
            f"{event.model.name}, {event.channel}",
            f"{event.channel} of version {event.version.number}: {event.sentence}",
            {"incident": event.pk, "alarms": event.alarms},
        )
        for event in events
    ]


def hit_rate(rule: AlertRule, at: datetime) -> Sequence[Firing]:
    """Production is worse than the majority, or than the threshold, by more than luck explains."""
    versions = list(_in_production(rule).select_related("model"))
    rates = live_rates(versions, at=at)
    return [found for version in versions if (found := _too_low(rule, version, rates[version.model_id]))]


def _too_low(rule: AlertRule, version: ModelVersion, live: LiveRate) -> Firing | None:
    bound = live.baseline if rule.threshold is None else rule.threshold
    if live.n < FEWEST_OUTCOMES or live.rate is None or live.high is None or bound is None or live.high >= bound:
        return None
    against = "the majority's" if rule.threshold is None else "the rule's"
    return Firing(
        version.model.name,
        f"version {version.number} is right in {live.rate:.1%} of {live.n} outcomes (95 %: {live.low:.1%} to "
        f"{live.high:.1%}), below {against} {bound:.1%}",
        {"n": live.n, "rate": live.rate, "low": live.low, "high": live.high, "bound": bound},
    )


def stale_data(rule: AlertRule, at: datetime) -> Sequence[Firing]:
    """Markets of models in production without fresh candles.

    One that was loaded from a file is expected to end; a rule of a model of its own watches it all the same.
    """
    names = sorted(set(_in_production(rule).values_list("model__market", flat=True)))
    held = {market.name: market for market in Market.objects.filter(name__in=names).with_newest()}
    return [found for name in names if (found := _stale(rule, name, held.get(name), at))]


def _stale(rule: AlertRule, name: str, market: Market | None, at: datetime) -> Firing | None:
    if market is not None and not (market.fetched or market.simulated or rule.model_id):
        return None
    concern = data_concern(market, name, at=at)
    if not concern:
        return None
    newest = market and market.newest_opened_at
    closed = market.known_at(newest) if market and newest else None
    return Firing(
        name, concern, {"newest_closed_at": closed and closed.isoformat(), "age": closed and span(at - closed)}
    )


def _in_production(rule: AlertRule) -> QuerySet[ModelVersion]:
    versions = ModelVersion.objects.in_production().defer("metrics", "signature")
    return versions.filter(model=rule.model_id) if rule.model_id else versions
