"""The newest candle of a thousand markets settles what was answered about it a million times, within seconds."""

import time
from datetime import timedelta

import pytest

from monitoring.evidence import settled
from registry.models import ModelVersion, RegisteredModel
from tests.factories import make_version
from tests.monitoring.judged import HOUR, NOON
from tests.monitoring.long_log import fill
from training.models import Candle, Market, Outcome
from training.outcomes import Close, Settled, expect, settle_due

MARKETS, ANSWERS = 1_000, 1_000_000

pytestmark = [pytest.mark.django_db, pytest.mark.long]


@pytest.fixture
def versions(set_clock):
    """Of a model for each market, with candles until one that has just closed."""
    names = [f"coin{place}-usd-1h" for place in range(MARKETS)]
    markets = Market.objects.bulk_create(
        Market(name=name, coin=name[:-7], currency="usd", interval="1h", source="csv") for name in names
    )
    models = RegisteredModel.objects.bulk_create(RegisteredModel(name=name, market=name) for name in names)
    like = make_version()
    versions = []
    for model in models:
        like.pk, like.model, like._state.adding = None, model, True
        versions.append(ModelVersion(**{field.attname: getattr(like, field.attname) for field in like._meta.fields}))
    Candle.objects.bulk_create(
        Candle(market=market, opened_at=NOON + hours * HOUR, close=100.0 + hours)
        for market in markets
        for hours in (0, 1)
    )
    expect(Close(market, NOON, 1) for market in markets)
    set_clock((NOON + 2 * HOUR).isoformat())
    return ModelVersion.objects.bulk_create(versions)


def test_a_million_answers_are_settled_and_are_evidence_within_ten_seconds(versions, capsys):
    fill(versions, rows=ANSWERS, hours=1, until=NOON + 2 * HOUR)
    assert Outcome.objects.due(NOON + 2 * HOUR).count() == MARKETS
    began = time.perf_counter()
    assert settle_due() == Settled(settled=MARKETS)
    taken = time.perf_counter() - began
    found = settled(versions, since=NOON - timedelta(days=30), most=2_000)
    evident = time.perf_counter() - began
    with capsys.disabled():
        print(f"\n{ANSWERS:,} answers of {MARKETS:,} markets: settled in {taken:.2f} s, evidence in {evident:.2f} s")  # noqa: T201
    assert {len(evidence) for evidence in found.values()} == {1}
    assert evident < 10
