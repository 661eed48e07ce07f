"""Each answer says how novel its row is; the model may ask for a warning, or for no answer, where that is too much."""

import csv
from datetime import datetime, timedelta
from io import StringIO

import numpy as np
import orjson
import pytest
from django.urls import reverse

from cryptoml_site.clock import now
from predictions.engine import engine
from predictions.forecasting import forecast_closes
from predictions.lineage import lineage_of
from predictions.models import Forecast, MissedForecast, Prediction
from predictions.outcomes import outcomes_of, said, was_right
from predictions.replay import ReplayClass, replay
from registry.bundles import NOVELTY, read_file
from tests.factories import make_market, make_policy, make_prediction, make_version
from tests.predictions.answered import CLASSIC, HOURLY, ask, ask_for, version_of
from tests.predictions.test_short_lane import in_drfs_lane, in_the_short_lane
from training.datasets import build_dataset
from training.evaluation.novelty import FARTHEST, NoveltyDetector
from training.features.classic import EXAMPLE
from training.models import Market, Outcome

pytestmark = pytest.mark.django_db
FAR = EXAMPLE | {"price": 2 * EXAMPLE["price"]}
FARTHER = EXAMPLE | {"price": -3e38}
UP = pytest.approx(0.75)
WITHHELD = {"prediction": None, "probability_up": None, "confidence": None, "abstained": "novel_input"}


def around_the_example():
    """Scores 0 there, and 10 for each feature that is twice as large."""
    centre = np.array(list(EXAMPLE.values()), np.float64)
    return NoveltyDetector(centre, np.diag(10 / centre))


@pytest.fixture
def version(db):
    """In production; it learnt from rows around the example."""
    version = make_version(detector=around_the_example())
    version.promote(actor="user:o", reason="first")
    engine.refresh()
    return version


def rule(version, **facts):
    make_policy(version.model, **facts)
    engine.refresh()


def seen(answer):
    return {name: answer[name] for name in ("prediction", "probability_up", "confidence", "abstained")}


def batch(*rows):
    return {"rows": [list(row.values()) for row in rows]}


@pytest.mark.parametrize(("body", "novelty"), [(EXAMPLE, 0.0), (FAR, 10.0), (FARTHER, FARTHEST)])
def test_an_answer_says_how_novel_its_row_is_and_the_log_keeps_it(client, version, body, novelty):
    answer = ask(client, body)
    assert (answer["novelty"], answer["abstained"], answer["warnings"]) == (novelty, None, [])
    assert Prediction.objects.get().novelty == novelty


def test_a_version_that_cannot_tell_says_null(client, production):
    assert ask(client, EXAMPLE)["novelty"] is None
    assert Prediction.objects.get().novelty is None


def test_above_the_limit_an_answer_warns_and_at_it_does_not(client, version):
    rule(version, novelty_limit=10)
    assert ask(client, FAR)["warnings"] == []
    rule(version, novelty_limit=9.999)
    answer = ask(client, FAR)
    assert (answer["prediction"], answer["probability_up"], answer["warnings"]) == ("up", UP, ["novel_input"])
    assert Prediction.objects.order_by("id").last().warnings == ["novel_input"]
    assert ask(client, EXAMPLE)["warnings"] == []


def test_a_model_that_abstains_answers_that_there_is_no_answer(client, version):
    rule(version, novelty_limit=5, when_novel="abstain")
    answer = ask(client, FAR)
    assert seen(answer) == WITHHELD
    assert (answer["novelty"], answer["warnings"], answer["version"]) == (10.0, [], 1)
    row = Prediction.objects.get()
    assert (row.direction, row.novelty, row.probability_up) == (None, 10.0, UP)
    assert seen(ask(client, EXAMPLE)) == {"prediction": "up", "probability_up": UP, "confidence": UP, "abstained": None}


def test_a_limit_without_a_score_is_answered_and_said_to_be_unknown(client, production):
    rule(production, novelty_limit=5, when_novel="abstain")
    answer = ask(client, EXAMPLE)
    assert (answer["prediction"], answer["novelty"], answer["warnings"]) == ("up", None, ["novelty_unknown"])


def test_each_row_of_a_batch_has_its_own_novelty_warning_and_abstention(client, version):
    rule(version, novelty_limit=5)
    reply = ask(client, batch(EXAMPLE, FAR, EXAMPLE), "/predict/batch")
    assert reply["warnings"] == []
    assert [answer["novelty"] for answer in reply["predictions"]] == [0.0, 10.0, 0.0]
    assert [answer["warnings"] for answer in reply["predictions"]] == [[], ["novel_input"], []]
    assert [answer["prediction"] for answer in reply["predictions"]] == ["up"] * 3
    rule(version, when_novel="abstain")
    first, second, third = ask(client, batch(FAR, EXAMPLE, FARTHER), "/predict/batch")["predictions"]
    assert seen(first) == seen(third) == WITHHELD
    assert (second["prediction"], second["warnings"]) == ("up", [])
    logged = Prediction.objects.order_by("id").values_list("direction", "novelty")
    assert list(logged)[-3:] == [(None, 10.0), ("up", 0.0), (None, FARTHEST)]


def test_a_batch_of_several_chunks_scores_every_row(client, version, monkeypatch):
    monkeypatch.setattr("predictions.batches.CHUNK", 2)
    reply = ask(client, batch(EXAMPLE, FAR, FAR, EXAMPLE, FAR), "/predict/batch")
    assert [answer["novelty"] for answer in reply["predictions"]] == [0.0, 10.0, 10.0, 0.0, 10.0]


@pytest.mark.parametrize("policy", [{}, {"novelty_limit": 5}, {"novelty_limit": 5, "when_novel": "abstain"}])
@pytest.mark.parametrize(("path", "body"), [("/predict", FAR), ("/predict/batch", batch(FAR, EXAMPLE))])
def test_both_lanes_say_the_same(client, version, path, body, policy):
    rule(version, **policy)
    raw = orjson.dumps(body)
    replies = [lane(raw, path=path, HTTP_X_API_KEY=client.secret) for lane in (in_the_short_lane, in_drfs_lane)]
    for _, _, reply in replies:
        for answer in (reply, *reply.get("predictions", ())):
            answer.pop("id", None)
            answer.pop("made_at", None)
    assert replies[0][0] == replies[1][0] == 200
    assert replies[0][2] == replies[1][2]


def test_what_abstained_is_found_again_as_it_was_answered(client, version):
    rule(version, novelty_limit=5, when_novel="abstain")
    answers = [ask(client, body) for body in (FAR, EXAMPLE)]
    for answer in answers:
        found = client.get(f"/predictions/{answer['id']}").json()
        assert {name: found[name] for name in answer} == answer
    listed = client.get("/predictions?model=bitcoin-usd-1d").json()["results"]
    assert [row["abstained"] for row in listed] == [None, "novel_input"]
    assert client.get(f"/predictions/{answers[0]['id']}/lineage").json()["prediction"]["prediction"] is None


def test_asked_twice_it_abstains_once(client, version):
    rule(version, novelty_limit=5, when_novel="abstain")
    first, again = (client.post("/predict", FAR, format="json", headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert first.content == again.content
    assert seen(first.json()) == WITHHELD
    assert Prediction.objects.count() == 1


@pytest.mark.parametrize(("when", "done"), [("warn", "answered"), ("abstain", "withheld")])
def test_an_answer_is_replayed_with_its_novelty_and_one_that_was_withheld_too(client, version, when, done):
    rule(version, novelty_limit=5, when_novel=when)
    row = ask_for(client, FAR)
    found = replay(row)
    assert (found.kind, found.again) == (ReplayClass.A, row.probability_up)
    assert found.sentence == f"{row.probability_up!r} was {done}, and is computed again"


def test_a_novelty_that_is_computed_otherwise_is_unexplained(client, version):
    ask(client, FAR)
    Prediction.objects.update(novelty=9.999)
    assert replay(Prediction.objects.get()).kind == ReplayClass.A  # a batch may round otherwise
    Prediction.objects.update(novelty=9.9)
    found = replay(Prediction.objects.get())
    assert found.sentence == "a novelty of 9.9 was told, 10.0 is computed again"
    assert found.unexplained


@pytest.fixture
def daily(version, set_clock):
    """A fresh market whose prices are far from the example."""
    return make_market(newest=datetime.fromisoformat("2026-11-22T00:00:00+00:00"))


def test_a_market_whose_candles_are_too_novel_is_not_answered(client, version, daily):
    rule(version, novelty_limit=5, when_novel="abstain")
    answer = ask(client, {"market": daily.name})
    assert seen(answer) == WITHHELD
    assert answer["as_of"] == "2026-11-22T00:00:00Z"


def test_the_schedule_abstains_and_misses_nothing(client, version, daily):
    rule(version, novelty_limit=5, when_novel="abstain")
    assert forecast_closes().made == 1
    assert (Prediction.objects.get().direction, MissedForecast.objects.count()) == (None, 0)
    assert Forecast.objects.get().prediction_id == Prediction.objects.get().pk
    assert seen(client.get(f"/forecasts/latest?market={daily.name}").json()) == WITHHELD
    assert forecast_closes().made == 0


@pytest.fixture
def outcomes(version):
    """Of three answers about a rise: called up, called down, and none."""
    market, rows = make_market(), []
    for day, direction in enumerate(["up", "down", None]):
        at = now() - timedelta(days=day)
        Outcome.objects.create(
            market=market,
            as_of=at,
            horizon=1,
            matures_at=at,
            status="settled",
            log_return=0.01,
            close_at_start=1.0,
            close_at_end=1.0,
            settled_at=at,
        )
        facts = {"market": market.name, "as_of": at, "direction": direction, "novelty": 7.5, "version": version}
        rows.append(make_prediction(made_at=at, **facts))
    return rows


def test_what_abstained_is_neither_right_nor_wrong(outcomes):
    known = outcomes_of(outcomes)
    assert [was_right(row, known[row.pk]) for row in outcomes] == [True, False, None]
    words = [said(row, known[row.pk]) for row in outcomes]
    assert words == ["✔ right, +1.000%", "✘ wrong, +1.000%", "abstained, +1.000%"]
    assert lineage_of(outcomes[2]).right is None


def test_the_log_is_filtered_by_what_abstained(admin_client, outcomes):
    log = reverse("admin:predictions_prediction_changelist")

    def shown(**query):
        return [row.pk for row in admin_client.get(log, query).context["cl"].result_list]

    assert shown(direction__exact="-") == [outcomes[2].pk]
    assert shown(direction__exact="down") == [outcomes[1].pk]
    assert shown(outcome="right") == [outcomes[0].pk]
    assert shown(outcome="wrong") == [outcomes[1].pk]


def test_the_admin_says_abstained_and_what_was_withheld(admin_client, outcomes):
    row = outcomes[2]
    Forecast.objects.create(model=row.model, as_of=row.as_of, prediction_id=row.pk)
    for url in (reverse("admin:predictions_prediction_changelist"), reverse("admin:predictions_forecast_changelist")):
        page = admin_client.get(url).content.decode()
        assert "abstained, +1.000%" in page
        assert ">abstained<" in page.replace(" ", "").replace("\n", "")
    page = admin_client.get(reverse("admin:predictions_prediction_change", args=[row.pk])).content.decode()
    assert "abstained: the model had a probability of up of 0.750000, which nobody was told" in page
    assert "the model had abstained" in page
    assert "the answer was wrong" not in page


def test_the_file_says_what_abstained(admin_client, outcomes):
    answer = admin_client.get(reverse("admin:predictions_prediction_export"))
    lines = list(csv.DictReader(StringIO(b"".join(answer.streaming_content).decode())))
    told = {line["id"]: (line["direction"], line["novelty"], line["abstained"]) for line in lines}
    assert told[str(outcomes[0].pk)] == ("up", "7.5", "")
    assert told[str(outcomes[2].pk)] == ("", "7.5", "novel_input")


def test_a_trained_version_knows_the_rows_that_it_was_fitted_on(client, set_clock):
    version = version_of("xgboost")
    X = build_dataset(Market.objects.get().candles.series(interval=3_600), CLASSIC, horizon=1).X
    detector = NoveltyDetector.unpack(read_file(version.bundle, NOVELTY))
    assert detector.scores(X) == NoveltyDetector.fit(X).scores(X)
    asked = X[len(X) // 2]
    answer = ask(client, dict(zip(CLASSIC.names, asked.tolist(), strict=True)))
    assert answer["novelty"] == detector.score(asked)
    assert 0 < ask(client, {"market": HOURLY})["novelty"] < 5
    assert replay(Prediction.objects.order_by("id").last()).kind == ReplayClass.A
    assert ask(client, dict.fromkeys(CLASSIC.names, 1.0))["novelty"] > 5
