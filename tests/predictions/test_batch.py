"""Many rows in one request: one model, all or nothing, each answer in the log."""

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoml_site.errors import InvalidFields
from predictions.batches import matrix_of
from predictions.models import Prediction
from predictions.vectors import vector_of
from training.features.classic import EXAMPLE

NAMES = list(EXAMPLE)
ROW = list(EXAMPLE.values())


@pytest.fixture
def ask(client, production):
    return lambda body: client.post("/api/v1/predict/batch", body, format="json")


def refusals(response):
    return response.status_code, [(error["code"], error["attr"]) for error in response.json()["errors"]]


@pytest.mark.parametrize("rows", [[ROW, ROW], [EXAMPLE, EXAMPLE]], ids=["arrays", "objects"])
def test_each_row_is_answered_and_logged_in_its_order(ask, rows):
    reply = ask({"rows": rows, "reference": "night run"}).json()
    assert (reply["model"], reply["version"], len(reply["predictions"])) == ("bitcoin-usd-1d", 1, 2)
    logged = {str(row.pk): row for row in Prediction.objects.all()}
    assert [*logged] == sorted((answer["id"] for answer in reply["predictions"]), reverse=True)
    for answer in reply["predictions"]:
        row = logged[answer["id"]]
        assert (row.probability_up, row.direction) == (answer["probability_up"], answer["prediction"])
        assert (row.vector, row.reference) == (pytest.approx(ROW), "night run")


def test_a_batch_answers_what_single_requests_answer(ask, client):
    single = client.post("/predict", EXAMPLE, format="json").json()
    [answer] = ask({"model": "bitcoin-usd-1d", "rows": [ROW]}).json()["predictions"]
    assert answer["probability_up"] == pytest.approx(single["probability_up"], abs=1e-6)


def test_arrays_may_name_their_own_order(ask):
    order = NAMES[::-1]
    assert ask({"rows": [[EXAMPLE[name] for name in order]], "names": order}).status_code == 200
    assert Prediction.objects.get().vector == pytest.approx(ROW)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ([ROW], [("not_an_object", None)]),
        ({}, [("no_rows", "rows")]),
        ({"rows": []}, [("no_rows", "rows")]),
        ({"rows": {"0": ROW}}, [("no_rows", "rows")]),
        ({"rows": [ROW, EXAMPLE]}, [("mixed_rows", "rows")]),
        ({"rows": [1, 2]}, [("mixed_rows", "rows")]),
        ({"rows": [ROW], "market": "demo-usd-1m"}, [("unknown_field", "market")]),
        ({"rows": [ROW] * 10_001}, [("too_many_rows", "rows")]),
        ({"rows": [ROW, ROW[:-1]]}, [("wrong_width", "rows[1]")]),
        ({"rows": [[]]}, [("wrong_width", "rows[0]")]),
        ({"rows": [ROW, [*ROW[:-1], "42"]]}, [("not_a_number", "rows[1].price_lag_7")]),
        ({"rows": [ROW, [*ROW[:-1], None]]}, [("null_value", "rows[1].price_lag_7")]),
        ({"rows": [[*ROW[:-1], True]]}, [("not_a_number", "rows[0].price_lag_7")]),
        ({"rows": [[*ROW[:-1], 1e39]]}, [("not_finite", "rows[0].price_lag_7")]),
        ({"rows": [[*ROW[:-1], 10**400]]}, [("not_finite", "rows[0].price_lag_7")]),
        ({"rows": [EXAMPLE | {"colour": 1}]}, [("unknown_field", "rows[0].colour")]),
        ({"rows": [{"price": 1}]}, [("missing_field", f"rows[0].{name}") for name in NAMES[1:]]),
        ({"rows": [ROW], "names": NAMES[1:]}, [("wrong_names", "names")]),
        ({"rows": [ROW], "names": [*NAMES[1:], NAMES[1]]}, [("wrong_names", "names")]),
        ({"rows": [ROW], "names": "price"}, [("not_names", "names")]),
        ({"rows": [EXAMPLE], "names": NAMES}, [("not_names", "names")]),
        ({"rows": [ROW], "version": 0}, [("not_a_version", "version")]),
        ({"rows": [ROW], "reference": "r" * 65}, [("not_a_reference", "reference")]),
    ],
)
def test_what_is_wrong_is_named_by_row_and_nothing_is_written(ask, body, expected):
    response = ask(orjson.loads(orjson.dumps(body)) if 10**400 not in _numbers(body) else body)
    assert refusals(response) == (400, expected)
    assert not Prediction.objects.exists()


def _numbers(body):
    rows = body.get("rows") if isinstance(body, dict) else []
    return [value for row in rows or [] if isinstance(row, list) for value in row]


def test_the_faults_of_ten_rows_are_said_not_of_ten_thousand(ask):
    status, found = refusals(ask({"rows": [["x"] * 9] * 500}))
    assert (status, len(found)) == (400, 50)


def test_an_unknown_model_is_no_batch(ask):
    assert refusals(ask({"model": "none", "rows": [ROW]})) == (404, [("unknown_model", "model")])


def test_ten_thousand_rows_are_one_batch(ask):
    assert len(ask({"rows": [ROW] * 10_000}).json()["predictions"]) == 10_000
    assert Prediction.objects.count() == 10_000


finite = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.lists(st.lists(finite | st.integers(-(2**40), 2**40), min_size=3, max_size=3), min_size=1, max_size=8))
def test_the_quick_way_and_the_careful_way_give_the_same_vectors(rows):
    names = ["a", "b", "c"]
    careful = [vector_of(dict(zip(names, row, strict=True)), names) for row in rows]
    np.testing.assert_array_equal(matrix_of(rows, names), careful)
    objects = [dict(zip(names[::-1], row[::-1], strict=True)) for row in rows]
    np.testing.assert_array_equal(matrix_of(objects, names), careful)
    turned = matrix_of([row[::-1] for row in rows], names, order=names[::-1])
    np.testing.assert_array_equal(turned, careful)


@given(st.integers(0, 5), st.sampled_from([float("nan"), float("inf"), "1", None, False, 1e39]))
def test_one_wrong_number_among_right_ones_is_found(place, wrong):
    rows = [[1.0, 2.0] for _ in range(3)]
    rows[place // 2][place % 2] = wrong
    with pytest.raises(InvalidFields) as refused:
        matrix_of(rows, ["a", "b"])
    assert [problem.field for problem in refused.value.problems] == [f"rows[{place // 2}].{'ab'[place % 2]}"]
