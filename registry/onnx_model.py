"""The one kind of model file that answers: an ONNX classifier of up against not up."""

from typing import Any, Self

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as runtime_errors

from cryptoml_site.errors import Invalid

UNLOADABLE = (  # they share no base class below Exception
    runtime_errors.EngineError,
    runtime_errors.EPFail,
    runtime_errors.Fail,
    runtime_errors.InvalidArgument,
    runtime_errors.InvalidGraph,
    runtime_errors.InvalidProtobuf,
    runtime_errors.ModelLoaded,
    runtime_errors.NoModel,
    runtime_errors.NoSuchFile,
    runtime_errors.NotImplemented,
    runtime_errors.RuntimeException,
    ValueError,
    RuntimeError,
)
FLOATS = "tensor(float)"
SLACK = 1e-5  # how far float32 sums may miss [0, 1]
ERRORS_ARE_RAISED = 4  # severity "fatal": an unloadable file is told once, by the exception


class InvalidModel(Invalid):
    """The file is no ONNX classifier as this product serves them."""

    code = "invalid_model"


class OnnxClassifier:
    """A loaded session: one float input (rows, width), one float output (rows, 2) whose second column is P(up).

    The session runs on one thread, so that a vector gives the same bits whatever else the process does. Calls from
    several threads at a time are safe.
    """

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self._input, self.width = _the_input(session)
        self._output = _probability_output(session)

    @classmethod
    def from_bytes(cls, model: bytes) -> Self:
        """Raises InvalidModel for what does not load, or has other inputs and outputs than a classifier has."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = ERRORS_ARE_RAISED
        try:
            session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except UNLOADABLE as error:
            raise InvalidModel(f"the ONNX file does not load: {_first_line(error)}") from error
        return cls(session)

    def probability_up(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        """X: (m, width) float32, finite. Result: (m,) in [0, 1], or NaN where the model gives that; never rounded.

        A forest's float32 sums may end a few units in the last place outside of [0, 1]; those are put on its edge.
        Raises InvalidModel for what lies further out: that is no probability.
        """
        if X.ndim != 2 or X.shape[1] != self.width or X.dtype != np.float32:
            raise Invalid(
                f"the model asks for float32 rows of {self.width} features, given were {X.dtype} of shape {X.shape}",
                code="wrong_width",
                field="features",
            )
        (probabilities,) = self._session.run([self._output], {self._input: X})
        up: NDArray[np.float32] = probabilities[:, 1]
        if not len(up):
            return up
        low, high = (up[0], up[0]) if len(up) == 1 else (up.min(), up.max())
        if low >= 0 and high <= 1:
            return up
        if low < -SLACK or high > 1 + SLACK:
            raise InvalidModel(f"the model answers from {low:g} to {high:g}, outside of a probability's 0 to 1")
        return np.clip(up, 0.0, 1.0)


def _the_input(session: onnxruntime.InferenceSession) -> tuple[str, int]:
    inputs = session.get_inputs()
    if len(inputs) == 1 and inputs[0].type == FLOATS and _is_rows(inputs[0]):
        return inputs[0].name, inputs[0].shape[1]
    raise InvalidModel(f"one float input of shape (rows, features) is needed, the file has {_described(inputs)}")


def _probability_output(session: onnxruntime.InferenceSession) -> str:
    """Name of the only output with two floats a row; a zipmap (a list of dicts) is not one."""
    outputs = session.get_outputs()
    fitting = [node.name for node in outputs if node.type == FLOATS and _is_rows(node) and node.shape[1] == 2]
    if len(fitting) == 1:
        return str(fitting[0])
    raise InvalidModel(
        f"one float output of shape (rows, 2) is needed, the file has {_described(outputs)}: export without a zipmap"
    )


def _is_rows(node: Any) -> bool:  # onnxruntime names no type for its arguments
    """(any number of rows, a fixed number of columns): a symbolic dimension is a name or None."""
    return len(node.shape) == 2 and not isinstance(node.shape[0], int) and isinstance(node.shape[1], int)


def _described(nodes: list[Any]) -> str:
    return ", ".join(f"{node.name} {node.type} {node.shape}" for node in nodes) or "none"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
