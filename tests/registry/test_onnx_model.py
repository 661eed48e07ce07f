"""What loads as a model, and what it answers."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from cryptoml_site.errors import Invalid
from registry.onnx_model import InvalidModel, OnnxClassifier

FLOAT, LABEL, DOUBLE = TensorProto.FLOAT, TensorProto.INT64, TensorProto.DOUBLE
COEFFICIENTS = np.array([0.5, -0.25, 0.125], dtype=np.float32)
ROWS = ("rows", 3)


def graph(nodes, *, inputs, outputs):
    """Inputs and outputs as (name, type, shape)."""
    made = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(*entry) for entry in inputs],
        [helper.make_tensor_value_info(*entry) for entry in outputs],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(made, opset_imports=opsets, ir_version=9).SerializeToString()


def logistic(*, inputs=(("features", FLOAT, ROWS),), outputs=None):
    """P(up) = 1 / (1 + exp(-COEFFICIENTS . x)), three features."""
    node = helper.make_node(
        "LinearClassifier",
        ["features"],
        ["label", "probabilities"],
        domain="ai.onnx.ml",
        classlabels_ints=[0, 1],
        coefficients=[*(-COEFFICIENTS / 2), *(COEFFICIENTS / 2)],
        intercepts=[0.0, 0.0],
        post_transform="SOFTMAX",
    )
    default = (("label", LABEL, ("rows",)), ("probabilities", FLOAT, ("rows", 2)))
    return graph([node], inputs=inputs, outputs=outputs or default)


def copying(*, inputs, outputs):
    """A model that hands its first input on."""
    return graph([helper.make_node("Identity", [inputs[0][0]], [outputs[0][0]])], inputs=inputs, outputs=outputs)


def test_probability_up_is_the_second_classs():
    X = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    up = OnnxClassifier.from_bytes(logistic()).probability_up(X)
    np.testing.assert_allclose(up, 1 / (1 + np.exp(-X @ COEFFICIENTS)), atol=1e-6)
    assert (up.shape, up.dtype) == ((50,), np.float32)


def test_width_is_that_of_the_input():
    assert OnnxClassifier.from_bytes(logistic()).width == 3


def test_no_rows_give_no_probabilities():
    assert len(OnnxClassifier.from_bytes(logistic()).probability_up(np.empty((0, 3), np.float32))) == 0


def test_threads_share_a_session_and_get_the_same_bits():
    classifier = OnnxClassifier.from_bytes(logistic())
    X = np.random.default_rng(1).normal(size=(200, 3)).astype(np.float32)
    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(lambda _: classifier.probability_up(X).tobytes(), range(100)))
    assert len(answers) == 1


@pytest.mark.parametrize(
    "X",
    [
        np.zeros((1, 2), np.float32),
        np.zeros((1, 4), np.float32),
        np.zeros(3, np.float32),
        np.zeros((1, 3), np.float64),  # the caller casts, and tests for finiteness after that
    ],
)
def test_rows_of_another_shape_or_type_are_refused(X):
    with pytest.raises(Invalid, match="float32 rows of 3 features") as refusal:
        OnnxClassifier.from_bytes(logistic()).probability_up(X)
    assert refusal.value.code == "wrong_width"


@pytest.mark.parametrize("file", [b"", b"not a model", b"\x80\x04K\x01.", logistic()[:100]])
def test_a_file_that_does_not_load_is_refused(file):
    with pytest.raises(InvalidModel, match="does not load") as refusal:
        OnnxClassifier.from_bytes(file)
    assert refusal.value.code == "invalid_model"


@pytest.mark.parametrize("place", range(0, len(logistic()), 7))
def test_a_tampered_file_loads_or_is_refused_but_never_fails_otherwise(place):
    file = bytearray(logistic())
    file[place] ^= 0xFF
    with suppress(InvalidModel):
        assert OnnxClassifier.from_bytes(bytes(file)).width > 0


@pytest.mark.parametrize(
    "inputs",
    [
        (("features", FLOAT, ("rows", 2)), ("more", FLOAT, ROWS)),
        (("features", DOUBLE, ("rows", 2)),),
        (("features", FLOAT, ("rows", "columns")),),
        (("features", FLOAT, (1, 2)),),
        (("features", FLOAT, (2,)),),
    ],
)
def test_other_inputs_than_one_of_float_rows_are_refused(inputs):
    outputs = [("probabilities", inputs[0][1], inputs[0][2])]
    with pytest.raises(InvalidModel, match="one float input"):
        OnnxClassifier.from_bytes(copying(inputs=inputs, outputs=outputs))


@pytest.mark.parametrize(
    ("operator", "kind", "shape"), [("Identity", FLOAT, ROWS), ("Shape", LABEL, (2,)), ("ReduceSum", FLOAT, (1, 1))]
)
def test_other_outputs_than_two_floats_a_row_are_refused(operator, kind, shape):
    node = helper.make_node(operator, ["features"], ["answer"])
    file = graph([node], inputs=[("features", FLOAT, ROWS)], outputs=[("answer", kind, shape)])
    with pytest.raises(InvalidModel, match="one float output"):
        OnnxClassifier.from_bytes(file)


def test_a_zipmap_is_refused_by_name():
    plain = onnx.load_from_string(logistic())
    node = helper.make_node("ZipMap", ["probabilities"], ["zipped"], domain="ai.onnx.ml", classlabels_int64s=[0, 1])
    plain.graph.node.append(node)
    plain.graph.output.pop()
    plain.graph.output.append(onnx.ValueInfoProto(name="zipped"))
    with pytest.raises(InvalidModel, match="export without a zipmap"):
        OnnxClassifier.from_bytes(plain.SerializeToString())


def scores(*up):
    """A model that answers its second feature as it stands."""
    X = np.array([[0.0, score] for score in up], dtype=np.float32)
    answers = copying(inputs=[("features", FLOAT, ("rows", 2))], outputs=[("answer", FLOAT, ("rows", 2))])
    return OnnxClassifier.from_bytes(answers).probability_up(X)


def test_what_float32_sums_add_beyond_one_is_put_on_the_edge():
    assert scores(1.0000004, -0.0000004, 0.25).tolist() == [1.0, 0.0, 0.25]


@pytest.mark.parametrize("score", [1.1, -0.1])
def test_what_lies_further_out_is_no_probability(score):
    with pytest.raises(InvalidModel, match="outside"):
        scores(score)


def test_a_missing_number_stays_missing():
    assert np.isnan(scores(np.nan)).all()
