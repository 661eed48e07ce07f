"""Rows of the log in the binary format of COPY: what Postgres reads back is what was answered, bit for bit."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from predictions import log
from predictions.answers import Asker, Evidence
from predictions.log.rows import COLUMNS, COPY, copied, packed
from predictions.models import Prediction
from registry.models import Policy
from tests.predictions.rows_of_the_log import SERVING, VERSION, answers

pytestmark = pytest.mark.django_db
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
BIGINTS = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(
    st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=64
)  # all that Postgres stores
WORDS = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=64)
MOMENTS = st.integers(0, 220_000_000_000 * 10**6).map(
    lambda us: datetime(1970, 1, 2, tzinfo=UTC) + timedelta(microseconds=us)
)
UPS = st.floats(0, 1, width=32)
SCORES = st.integers(0, 1_000_000).map(lambda thousandths: thousandths / 1_000) | st.sampled_from([0.999, 1.001])


@st.composite
def evidence(draw):
    if draw(st.booleans()):
        return Evidence(warnings=tuple(draw(st.lists(WORDS, max_size=3))))
    sha256 = draw(st.sampled_from(["0" * 64, "af" * 32]))
    return Evidence("bitcoin-usd-1d", draw(MOMENTS), draw(MOMENTS), sha256, tuple(draw(st.lists(WORDS, max_size=3))))


@st.composite
def serving(draw):
    simulated, horizon = draw(st.booleans()), draw(st.integers(0, 2**15 - 1))
    version = replace(VERSION, pk=draw(BIGINTS), model_id=draw(BIGINTS), horizon=horizon, simulated=simulated)
    deployment = draw(st.none() | BIGINTS)
    warnings = tuple(draw(st.lists(WORDS, max_size=2)))
    policy = Policy(novelty_limit=draw(st.none() | st.just(1.0)), abstains=draw(st.booleans()))
    told = {"generation": draw(BIGINTS), "deployment": deployment, "warnings": warnings, "policy": policy}
    return replace(SERVING, version=version, **told)


@st.composite
def any_answers(draw):
    rows, features = draw(st.integers(1, 6)), draw(st.integers(1, 25))
    ups = draw(st.lists(UPS, min_size=rows, max_size=rows))
    X = draw(arrays(np.float32, (rows, features), elements=FLOATS))
    novelty = draw(st.none() | st.lists(SCORES, min_size=rows, max_size=rows))
    asker = Asker(draw(TEXTS), draw(st.none() | BIGINTS))
    told = {"asker": asker, "evidence": draw(evidence()), "reference": draw(TEXTS)}
    return answers(ups, X=X, novelty=novelty, serving=draw(serving()), **told)


def expected(made):
    """Each row by the names of the table's columns."""
    version, evidence = made.serving.version, made.evidence
    shared = {
        "made_at": made.made_at,
        "model_id": version.model_id,
        "version_id": version.pk,
        "deployment_id": made.serving.deployment,
        "generation": made.serving.generation,
        "role": made.role.value,
        "actor": made.asker.label,
        "key_id": made.asker.key,
        "market": evidence.market,
        "horizon": version.horizon,
        "as_of": evidence.as_of,
        "target_at": evidence.target_at,
        "candles_sha256": evidence.candles_sha256,
        "simulated": version.simulated,
        "reference": made.reference,
    }
    own = zip(made.ids, made.X.tolist(), made.probability_up, made.novelty, strict=True)
    return [
        shared | {"id": id_, "vector": vector, "probability_up": up, "novelty": novelty} | said(made, up, novelty)
        for id_, vector, up, novelty in own
    ]


def said(made, up, novelty):
    """What depends on the policy."""
    limit, abstains = made.serving.policy.novelty_limit, made.serving.policy.abstains
    unknown = ["novelty_unknown"] if limit and novelty is None else []
    warnings = [*made.serving.warnings, *unknown, *made.evidence.warnings]
    novel = limit is not None and novelty is not None and novelty > limit
    if novel and abstains:
        return {"direction": None, "warnings": warnings}
    return {"direction": "up" if up >= 0.5 else "down", "warnings": warnings + ["novel_input"] * novel}


def read_back(made):
    return list(Prediction.objects.filter(id__in=made.ids).order_by("id").values())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=any_answers())
def test_whatever_was_answered_is_read_back_as_it_was(db, made):
    log.copy([made])
    assert read_back(made) == expected(made)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(many=st.lists(any_answers(), min_size=2, max_size=4))
def test_answers_of_several_calls_share_a_copy(db, many):
    log.copy(many)
    assert [read_back(made) for made in many] == [expected(made) for made in many]


def own(made, places):
    """What is each answer's own, of those at these places."""
    listed = ("ids", "probability_up", "up", "novelty", "novel")
    return {name: [getattr(made, name)[place] for place in places] for name in listed} | {"X": made.X[places]}


@settings(max_examples=100, deadline=None)
@given(made=any_answers())
def test_a_row_is_the_same_bytes_alone_as_among_others(made):
    rows = [replace(made, **own(made, [place])) for place in range(len(made.ids))]
    alone = [packed(row) for row in sorted(rows, key=lambda row: (row.novel[0], row.up[0]))]  # kind by kind
    twice = [replace(row, **own(row, [0, 0])) for row in rows]
    assert b"".join(alone) == packed(made)
    assert [packed(row) for row in twice] == [2 * packed(row) for row in rows]


def test_minus_zero_and_the_smallest_number_keep_their_bits(db):
    X = np.array([[-0.0, 1e-45, 3.4028235e38, 1.1754944e-38, 0.1]], np.float32)
    made = answers(X=X)
    log.copy([made])
    [row] = read_back(made)
    assert np.array(row["vector"], np.float32).tobytes() == X.tobytes()


def test_every_column_of_the_log_is_written():
    """A new column needs a thought here: what do rows of an answer hold, and those of a spool that knows it not?"""
    assert set(COLUMNS.split(", ")) == {field.column for field in Prediction._meta.concrete_fields}
    assert COLUMNS in COPY


def test_a_copy_of_nothing_stores_nothing(db):
    log.copy([])
    assert copied([]).startswith(b"PGCOPY\n")
    assert not Prediction.objects.exists()
