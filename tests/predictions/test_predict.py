"""POST /predict: its forms, and that every answer is found again."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from cryptoml_site.clock import now
from predictions.engine import engine
from predictions.ids import first_id_of
from predictions.models import Prediction
from registry.bundles import ONNX
from registry.models import Deployment
from tests.factories import alter, make_market, make_model, make_version, report
from training.datasets import candles_sha256, newest_vector
from training.features.classic import EXAMPLE
from training.features.feature_set import feature_set

NEWEST = datetime(2026, 1, 30, tzinfo=UTC)


def predict(client, body):
    return client.post("/predict", body, format="json")


@pytest.mark.parametrize("body", [EXAMPLE, {"features": EXAMPLE}, {"model": "bitcoin-usd-1d", "features": EXAMPLE}])
def test_features_are_answered_with_the_production_version(client, production, body):
    answer = predict(client, body).json()
    assert (answer["model"], answer["version"], answer["prediction"]) == ("bitcoin-usd-1d", 1, "up")
    assert answer["probability_up"] == answer["confidence"] == pytest.approx(0.75)
    assert answer["as_of"] is answer["target_at"] is None


def test_an_answer_is_found_again_by_its_id_with_what_it_was_given(client, production):
    answer = predict(client, EXAMPLE).json()
    found = client.get(f"/api/v1/predictions/{answer['id']}").json()
    assert {name: found[name] for name in answer} == answer
    assert found["features"] == {name: float(np.float32(value)) for name, value in EXAMPLE.items()}
    assert (found["role"], found["actor"], found["key"]) == ("production", client.key.label, client.key.prefix)


def test_an_answer_is_traced_to_its_deployment_and_to_the_ledger_as_it_was_read(client, production):
    answer = predict(client, EXAMPLE).json()
    moved = production.model.deployments.newest_move()
    row = Prediction.objects.get()
    assert (row.deployment_id, row.generation, answer["generation"]) == (moved.pk, moved.pk, moved.pk)


def test_a_move_that_commits_while_the_ledger_is_read_is_left_to_the_next_look(production, monkeypatch):
    read = Deployment.objects.newest_generation()
    make_version(model=production.model, probability_up=0.4).promote(actor="user:o", reason="meanwhile")
    monkeypatch.setattr("registry.models.ledger.DeploymentQuerySet.newest_generation", lambda _: read)
    engine.__init__()
    [serving] = engine.refresh().serving.values()
    assert (serving.version.number, serving.deployment <= serving.generation) == (1, True)


def test_the_id_bears_the_moment_of_the_answer(client, production):
    predict(client, EXAMPLE)
    row = Prediction.objects.get()
    assert first_id_of(row.made_at).int <= row.id.int < first_id_of(row.made_at + timedelta(milliseconds=1)).int


def test_a_falling_market_is_answered_down_with_the_confidence_of_that_answer(client):
    make_version(probability_up=0.2).promote(actor="user:o", reason="first")
    engine.refresh()
    answer = predict(client, EXAMPLE).json()
    assert (answer["prediction"], answer["confidence"]) == ("down", pytest.approx(0.8))


def test_a_version_that_beat_no_baseline_says_so_in_each_answer(client):
    make_version(metrics=report(edge_low=-1)).promote(actor="user:o", reason="first", override=True)
    engine.refresh()
    assert predict(client, EXAMPLE).json()["warnings"] == ["no_edge_over_baseline"]


def test_a_past_moment_is_answered_from_the_candles_of_that_moment(client, production):
    market = make_market(newest=NEWEST)
    asked = NEWEST - timedelta(days=3)
    answer = predict(client, {"market": market.name, "as_of": asked.isoformat()}).json()
    row = Prediction.objects.get()
    expected = newest_vector(
        market.candles.series(interval=86_400), feature_set("classic"), as_of=int(asked.timestamp())
    )
    assert row.vector == expected.astype(float).tolist()
    assert (answer["as_of"], answer["target_at"]) == ("2026-01-27T00:00:00Z", "2026-01-29T00:00:00Z")
    assert answer["warnings"] == ["target_already_closed"]
    window = market.candles.ending_at(asked, candles=feature_set("classic").window, step=market.step)
    assert row.candles_sha256 == candles_sha256(window.series(interval=86_400))


def test_the_newest_candles_are_used_while_they_are_fresh(client, production):
    today = now().replace(hour=0, minute=0, second=0, microsecond=0)
    make_market(newest=today - timedelta(days=1))
    answer = predict(client, {"market": "bitcoin-usd-1d"})
    assert answer.status_code == 200
    assert answer.json()["target_at"] == (today + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_from_candles_nothing_is_answered_once_the_feature_set_means_something_else(client, production):
    make_market(newest=now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1))
    type(production).objects.update(feature_set_sha256="0" * 64)
    engine.__init__()
    engine.refresh()
    refused = predict(client, {"market": "bitcoin-usd-1d"})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (503, "feature_set_changed")
    assert predict(client, EXAMPLE).status_code == 200  # by names that the client gave


def test_a_staged_version_is_tried_by_number_and_is_never_evidence(client, production):
    staged = make_version(model=production.model, probability_up=0.4)
    staged.to_staging(actor="user:o", reason="have a look")
    answer = predict(client, {"features": EXAMPLE, "version": 2}).json()
    assert (answer["version"], answer["prediction"], answer["warnings"]) == (2, "down", ["trial"])
    assert Prediction.objects.get().role == "trial"


def test_a_promotion_is_served_after_the_next_look(client, production):
    make_version(model=production.model, probability_up=0.4).promote(actor="user:o", reason="better")
    assert predict(client, EXAMPLE).json()["version"] == 1
    reloaded = client.post("/models/reload").json()
    assert reloaded["after"] > reloaded["before"]
    assert predict(client, EXAMPLE).json()["version"] == 2


def test_an_altered_bundle_is_not_served_and_the_old_version_goes_on_answering(client, production):
    new = make_version(model=production.model, probability_up=0.4)
    new.promote(actor="user:o", reason="better")
    alter(new.bundle, ONNX)
    client.post("/models/reload")
    assert predict(client, EXAMPLE).json()["version"] == 1
    health = client.get("/health").json()
    assert health["status"] == "degraded"
    assert any("the file was altered" in sentence for sentence in health["degraded"])


def test_a_rollback_loads_nothing(client, production, monkeypatch):
    make_version(model=production.model, probability_up=0.4).promote(actor="user:o", reason="better")
    engine.__init__()  # a process that has never served version 1
    engine.refresh()
    production.model.rollback(actor="user:o", reason="worse")
    monkeypatch.setattr("predictions.sessions.read_file", lambda *_: pytest.fail("a bundle was read"))
    assert engine.refresh().serving["bitcoin-usd-1d"].version.number == 1


def test_models_answer_for_themselves_only(client, production):
    make_version(model=make_model("other", default=False), probability_up=0.1).promote(actor="user:o", reason="first")
    engine.refresh()
    assert predict(client, {"model": "other", "features": EXAMPLE}).json()["prediction"] == "down"
    assert predict(client, EXAMPLE).json()["prediction"] == "up"
