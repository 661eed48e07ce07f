"""What an estimator is: a name, parameters with limits, and how to fit, answer and export."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeGuard

import numpy as np
from numpy.typing import NDArray

from cryptoml_site.errors import Invalid
from training.datasets import Vectors
from training.plugins import PluginFailed
from training.series import Floats

Labels = NDArray[Any]
Number = int | float
INPUT = "features"  # name of the ONNX file's one input
ROUNDING = 1e-6  # beyond 0 or 1, which sums of float32 may be


@dataclass(frozen=True)
class Span:
    """Where a search tries a parameter, both ends among them. log: as often below the geometric mean as above it."""

    low: Number
    high: Number
    log: bool = False


@dataclass(frozen=True)
class Parameter:
    """One knob: its default and the ends of its range, both allowed. A default that is an int asks for ints."""

    default: Number
    low: Number
    high: Number
    search: Span | None = None  # within low and high, around the default; None: a search leaves it as it is

    def accepts(self, value: object) -> TypeGuard[Number]:
        kinds = (int,) if isinstance(self.default, int) else (int, float)
        return isinstance(value, kinds) and not isinstance(value, bool) and self.low <= value <= self.high

    def __str__(self) -> str:
        kind = "a whole number" if isinstance(self.default, int) else "a number"
        return f"{kind} from {self.low} to {self.high}"


class Estimator(ABC):
    """One kind of classifier. Stateless: what was fitted is the native model that `fit` returns.

    A new one is one class in one file and one entry of ESTIMATORS, or a dotted path to it in a package of the user's
    own; every test of the package then runs on it. It fits whatever it learns, scalers too, inside `fit`, and gives
    the same model for the same rows, parameters and seed.
    """

    name: ClassVar[str]
    parameters: ClassVar[dict[str, Parameter]]
    seeded: ClassVar[bool] = True  # whether another seed gives another model

    @abstractmethod
    def fit(
        self,
        X: Vectors,
        y: Labels,
        params: Mapping[str, Number],
        *,
        seed: int,
        weight: Floats | None = None,
        horizon: int = 1,
    ) -> Any:
        """The native model, which no row but these has touched.

        X: (m, k) float32, in time order. y: (m,) 0 or 1, both present. params: complete, as from `checked`. weight:
        (m,) > 0 with a mean of 1, how much each row counts. horizon: a label is settled so many rows later, so that
        between rows fitted and rows held back from them at least so many are left out (see `newest_fifth`).
        """

    @abstractmethod
    def probability_up(self, model: Any, X: Vectors) -> Floats:
        """(m,) probability of up, the same bits whatever the number of cores."""

    @abstractmethod
    def to_onnx(self, model: Any, width: int) -> bytes:
        """One float input (rows, width), outputs without a zipmap, opset pinned; the same model, the same bytes."""

    def checked(self, params: Mapping[str, object]) -> dict[str, Number]:
        """All parameters, given or default. Raises Invalid for a name that there is not or a value out of range."""
        for name in params:
            if name not in self.parameters:
                raise Invalid(
                    f"{self.name} has no parameter '{name}': it has {', '.join(self.parameters)}",
                    code="unknown_parameter",
                    field=f"params.{name}",
                )
        return {name: self._value(name, params) for name in self.parameters}

    def _value(self, name: str, params: Mapping[str, object]) -> Number:
        parameter = self.parameters[name]
        value = params.get(name, parameter.default)
        if not parameter.accepts(value):
            raise Invalid(
                f"{name} of {self.name} is {value!r}: give {parameter}",
                code="invalid_parameter",
                field=f"params.{name}",
            )
        return type(parameter.default)(value)


def probabilities(answers: NDArray[Any], *, rows: int, of: str) -> Floats:
    """(rows,) from 0 to 1. Raises PluginFailed, naming the estimator, which is `of`, for anything else."""
    if answers.shape != (rows,) or answers.dtype.kind not in "fiub":
        given = f"an array {answers.shape} of {answers.dtype}"
        raise _no_probabilities(f"{of} gave {given} for {rows:,} rows: give ({rows},) probabilities of up")
    wrong = answers[~((answers >= -ROUNDING) & (answers <= 1 + ROUNDING))]
    if len(wrong):
        raise _no_probabilities(
            f"{of} answered {len(wrong):,} of {rows:,} rows with what is no probability, the first with {wrong[0]}: "
            "give numbers from 0 to 1"
        )
    held: Floats = np.clip(answers, 0, 1)
    return held


def _no_probabilities(sentence: str) -> PluginFailed:
    return PluginFailed(sentence, code="no_probabilities", field="estimator")
