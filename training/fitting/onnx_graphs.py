"""Models as ONNX graphs: XGBoost's trees by its converter, and graphs of our own for logistic regression, a sigmoid
behind any classifier, and the mean of several.

Each has the one input and the two outputs that an exported classifier has here. A matrix or an exponential is computed
in float64 and rounded to float32 at the end: its kernels differ in the last bits between one row and many, and the
rounding takes that difference away, so that a row gets the same bits alone and in a batch.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, load_from_string, numpy_helper
from onnx.compose import add_prefix
from onnxmltools.convert import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType

from cryptoml_site.errors import Refused
from training.fitting.estimators.estimator import INPUT
from training.series import Floats

IR_VERSION = 8
OPSETS = {"": 18, "ai.onnx.ml": 3}
NEWEST_OF_CONVERTER = 15  # of ONNX's own opset, for XGBoost's
OLDEST = 13  # of ONNX's own opset, for the nodes that are added here
LABEL, PROBABILITIES = "label", "probabilities"
Constants = dict[str, NDArray[Any]]
SHARED: Constants = {
    "second_column": np.array([1]),
    "one": np.array([1], np.float32),
    "half": np.array([0.5], np.float32),
    "flat": np.array([-1]),
}


def boosted_trees(model: Any, *, width: int, name: str) -> bytes:
    """A fitted classifier of XGBoost's."""
    exported = convert_xgboost(
        model, name=name, initial_types=[(INPUT, FloatTensorType([None, width]))], target_opset=NEWEST_OF_CONVERTER
    )
    file: bytes = exported.SerializeToString()
    return file


def logistic_regression(coefficients: Floats, intercept: float) -> bytes:
    """coefficients: (k,) of the features as they come."""
    nodes = [
        helper.make_node("Cast", [INPUT], ["exact"], to=TensorProto.DOUBLE),
        helper.make_node("MatMul", ["exact", "coefficients"], ["summed"]),
        helper.make_node("Add", ["summed", "intercept"], ["score"]),
        helper.make_node("Sigmoid", ["score"], ["up"]),
    ]
    constants: Constants = {"coefficients": coefficients[:, np.newaxis], "intercept": np.array([intercept])}
    return _classifier(nodes, constants, width=len(coefficients))


def with_sigmoid(file: bytes, *, slope: float, intercept: float) -> bytes:
    """A classifier's file, its probability p of up replaced by 1 / (1 + exp(-(slope * p + intercept)))."""
    part = _Part(file, "calibrated_")
    nodes = [
        helper.make_node("Mul", [part.up, "slope"], ["scaled"]),
        helper.make_node("Add", ["scaled", "intercept"], ["score"]),
        helper.make_node("Sigmoid", ["score"], ["up"]),
    ]
    constants: Constants = {"slope": np.array([slope]), "intercept": np.array([intercept])}
    return _classifier(nodes, constants, width=part.width, parts=[part])


def soft_vote(files: dict[str, bytes]) -> bytes:
    """The mean of the probabilities of several classifiers, by name."""
    parts = [_Part(file, f"{name}_") for name, file in files.items()]
    nodes = [
        helper.make_node("Sum", [part.up for part in parts], ["summed"]),
        helper.make_node("Div", ["summed", "voters"], ["up"]),
    ]
    return _classifier(nodes, {"voters": np.array([float(len(parts))])}, width=parts[0].width, parts=parts)


class _Part:
    """A classifier that another graph takes in: its names prefixed, its probability of up a float64 column."""

    def __init__(self, file: bytes, prefix: str) -> None:
        self.model: ModelProto = add_prefix(load_from_string(file), prefix)
        self.opsets = {entry.domain: entry.version for entry in self.model.opset_import}
        if self.opsets.get("", OLDEST) < OLDEST:
            raise Refused(
                f"the estimator exports to opset {self.opsets['']} of ONNX, {OLDEST} or newer is needed here",
                code="not_convertible",
            )
        self.up = f"up_of_{prefix}"
        [given] = self.model.graph.input
        self.width: int = given.type.tensor_type.shape.dim[1].dim_value
        self.nodes: list[NodeProto] = [
            helper.make_node("Identity", [INPUT], [given.name]),
            *self.model.graph.node,
            helper.make_node("Gather", [self._probabilities, "second_column"], [f"{prefix}column"], axis=1),
            helper.make_node("Cast", [f"{prefix}column"], [self.up], to=TensorProto.DOUBLE),
        ]

    @property
    def _probabilities(self) -> str:
        """The output of two floats a row; the other is the label."""
        shapes = {output.name: output.type.tensor_type for output in self.model.graph.output}
        found: list[str] = [name for name, tensor in shapes.items() if len(tensor.shape.dim) == 2]
        return found[0]


def _classifier(nodes: Sequence[NodeProto], constants: Constants, *, width: int, parts: Sequence[_Part] = ()) -> bytes:
    """The file of a graph whose nodes end in `up`, a float64 column."""
    constants = {**constants, **SHARED}
    graph = helper.make_graph(
        [*(node for part in parts for node in part.nodes), *nodes, *_answer()],
        "classifier",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, width])],
        [
            helper.make_tensor_value_info(LABEL, TensorProto.INT64, [None]),
            helper.make_tensor_value_info(PROBABILITIES, TensorProto.FLOAT, [None, 2]),
        ],
        initializer=[
            *(tensor for part in parts for tensor in part.model.graph.initializer),
            *(numpy_helper.from_array(values, name) for name, values in constants.items()),
        ],
    )
    file: bytes = helper.make_model(graph, opset_imports=_opsets(parts), ir_version=IR_VERSION).SerializeToString()
    return file


def _answer() -> list[NodeProto]:
    return [
        helper.make_node("Cast", ["up"], ["rounded"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["one", "rounded"], ["down"]),
        helper.make_node("Concat", ["down", "rounded"], [PROBABILITIES], axis=1),
        helper.make_node("GreaterOrEqual", ["rounded", "half"], ["called"]),
        helper.make_node("Cast", ["called"], ["called_number"], to=TensorProto.INT64),
        helper.make_node("Reshape", ["called_number", "flat"], [LABEL]),
    ]


def _opsets(parts: Sequence[_Part]) -> list[object]:
    """The parts' own, so that their nodes mean what they did; ours where they have none."""
    found: dict[str, int] = {}
    for part in parts:
        for domain, version in part.opsets.items():
            found[domain] = max(version, found.get(domain, 0))
    return [helper.make_opsetid(domain, version) for domain, version in sorted({**OPSETS, **found}.items())]
