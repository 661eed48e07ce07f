"""Answers computed again from the stored vector: the same bits, within 1e-6, or not explained."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoml_site.clock import now
from predictions import replay as replaying
from predictions.forecasting import forecast_closes
from predictions.from_candles import FromCandlesClass
from predictions.models import Prediction
from predictions.replay import TOLERANCE, ReplayClass, judged, replay, replay_log
from predictions.sessions import Sessions
from registry.bundles import MANIFEST, ONNX
from registry.models import ModelVersion
from tests.factories import alter, make_market, make_prediction, make_version
from tests.predictions.answered import CLASSIC, HOURLY, KINDS, LOGISTIC, ask, ask_for, rows_like_the_markets, version_of
from training.features.classic import EXAMPLE

pytestmark = pytest.mark.django_db
NEWEST = datetime(2026, 11, 22, tzinfo=UTC)
A, B, B_ALONE, IMPOSSIBLE, UNEXPLAINED = ReplayClass
HALF = 0.5  # which a constant version answers to the bit
NEXT = float(np.nextafter(np.float32(HALF), np.float32(1)))


def every_replay():
    return list(replay_log(Prediction.objects.all()))


@pytest.mark.parametrize("kind", KINDS)
def test_every_single_answer_is_of_class_a(client, set_clock, kind):
    version_of(kind)
    for row in rows_like_the_markets(40):
        ask(client, dict(zip(CLASSIC.names, row, strict=True)))
    ask(client, {"market": HOURLY})
    ask(client, {"market": HOURLY, "as_of": "2026-11-22T03:00:00Z"})
    forecast_closes()
    replays = every_replay()
    assert [one.kind for one in replays] == [A] * 43
    assert len({one.again for one in replays}) > 5
    assert [one.candles.kind for one in replays if one.candles] == [FromCandlesClass.SAME] * 3


@pytest.mark.parametrize("kind", KINDS)
def test_every_row_of_a_batch_is_of_class_a_or_b(client, set_clock, kind):
    version_of(kind)
    ask(client, {"rows": rows_like_the_markets(500)}, "/predict/batch")
    kinds = {one.kind for one in every_replay()}
    assert kinds <= {A, B}
    assert kinds == {A} or kind == LOGISTIC  # trees add up a row's leaves alone


def logged(probability, **facts):
    """A row whose version answers one half, and whose log says `probability`."""
    version = make_version(probability_up=HALF)
    direction = "up" if probability >= 0.5 else "down"
    facts = {"direction": direction, "probability_up": probability, **facts}
    return make_prediction(made_at=now(), version=version, **facts)


def test_other_bits_within_a_millionth_are_of_class_b():
    assert replay(logged(HALF)).kind == A
    found = replay(logged(NEXT))
    assert (found.again, found.unexplained) == (HALF, False)
    assert found.kind == B_ALONE  # as far as the log tells
    assert "6.0e-08 apart, although nothing was asked with it" in found.sentence


def test_answers_of_one_moment_and_asker_were_asked_together():
    row = logged(NEXT)
    make_prediction(made_at=row.made_at, version=row.version)
    make_prediction(made_at=row.made_at, version=row.version, actor="key:somebody")
    make_prediction(made_at=row.made_at + timedelta(milliseconds=1), version=row.version)
    found = replay(row)
    assert found.kind == B
    assert found.sentence.endswith("6.0e-08 apart, as a row of a batch of 2 may be")


def test_whether_the_schedule_asked_for_several_at_once_is_not_claimed():
    assert replay(logged(NEXT, market="gone", actor="schedule:forecast")).sentence.endswith("a row of a batch may be")


def test_another_number_is_unexplained():
    found = replay(logged(0.500002))
    assert (found.kind, found.unexplained) == (UNEXPLAINED, True)
    assert found.sentence == "0.500002 was answered, 0.5 is computed again"


def test_a_direction_that_the_probability_denies_is_unexplained():
    found = replay(logged(HALF, direction="down"))
    assert (found.kind, found.sentence) == (UNEXPLAINED, "the log says down, of a probability of 0.5")


@given(
    st.floats(0, 1, width=32),
    st.floats(0, 1, width=32) | st.just(float("nan")),
    st.sampled_from([0.0, 1e-7, -1e-7, 9e-7, 1.1e-6, -1.1e-6]),
)
def test_the_class_follows_from_the_two_numbers(probability, other, slip):
    row = SimpleNamespace(
        probability_up=probability,
        direction="up" if probability >= 0.5 else "down",
        novelty=None,
        actor="key:a",
        market="m",
    )
    for again in (other, probability + slip):
        kind, _ = judged(row, again)
        expected = A if again == probability else B_ALONE if abs(again - probability) <= TOLERANCE else UNEXPLAINED
        assert kind == expected


def test_an_altered_bundle_is_not_asked_although_the_process_goes_on_answering(client, production):
    row = ask_for(client, EXAMPLE)
    alter(production.bundle, ONNX)
    found = replay(row)
    assert (found.kind, found.again, found.unexplained) == (IMPOSSIBLE, None, False)
    assert found.sentence.startswith(f"cannot be replayed: bundle {production.bundle[:12]}: model.onnx has sha256")
    ask(client, EXAMPLE)


def test_a_purged_bundle_says_when_it_was(client, production, settings, tmp_path):
    row = ask_for(client, EXAMPLE)
    ModelVersion.objects.update(purged_at=NEWEST)
    assert replay(row).kind == A  # another version may share its content: what is there is asked
    (tmp_path / "bundles" / production.bundle[:2] / production.bundle / MANIFEST).unlink()
    found = replay(row)
    assert found.kind == IMPOSSIBLE
    assert found.sentence == f"cannot be replayed: the files of {production} were purged at 2026-11-22 00:00 UTC"


@pytest.mark.parametrize(
    ("vector", "said"),
    [
        ([1.0] * 8, "asks for 9 features, logged are 8"),
        ([1.0] * 8 + [0.1], "holds a number that no float32 is"),
        ([1.0] * 8 + [1e39], "holds a number that no float32 is"),
        ([1.0] * 8 + [float("nan")], "holds a number that no float32 is"),
    ],
)
def test_a_vector_that_the_model_cannot_have_seen_is_not_replayed(production, vector, said):
    market = make_market(newest=NEWEST)
    row = make_prediction(made_at=now(), version=production, vector=vector, market=market.name, as_of=NEWEST)
    found = replay(row)
    assert (found.kind, found.candles) == (IMPOSSIBLE, None)
    assert said in found.sentence


def test_a_version_that_is_gone_is_not_replayed():
    row = logged(HALF)
    row.version.delete()
    assert replay(Prediction.objects.get()).sentence.endswith(f"version {row.version_id} (by primary key) is gone")


def test_each_bundle_is_read_once_and_none_of_those_that_serve(production, monkeypatch):
    other = make_version(model=production.model, probability_up=0.25)
    broken = make_version(model=production.model, probability_up=0.4)
    alter(broken.bundle, ONNX)
    for version in (production, other, broken) * 3:
        probability, direction = (0.75, "up") if version == production else (0.25, "down")
        make_prediction(made_at=now(), version=version, probability_up=probability, direction=direction)
    read, really = [], Sessions._read
    monkeypatch.setattr(Sessions, "_read", lambda held, bundle: read.append(bundle) or really(held, bundle))
    kinds = [one.kind for one in every_replay()]
    assert (kinds.count(IMPOSSIBLE), kinds.count(UNEXPLAINED)) == (3, 0)
    assert sorted(read) == sorted(version.bundle for version in (production, other, broken))


def test_the_log_is_read_a_chunk_at_a_time_newest_first(production, monkeypatch):
    monkeypatch.setattr(replaying, "CHUNK", 2)
    rows = [make_prediction(made_at=NEWEST + timedelta(seconds=second), version=production) for second in range(5)]
    found = [[row.id for row in chunk] for chunk in replaying.chunks(Prediction.objects.all(), newest=None)]
    newest_first = [row.id for row in rows[::-1]]
    assert found == [newest_first[:2], newest_first[2:4], newest_first[4:]]
    three = {one.prediction.id for one in replay_log(Prediction.objects.all(), newest=3)}
    assert three == set(newest_first[:3])
