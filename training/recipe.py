"""How a version is to be learnt, beside its market and its model. Web and trainer read it alike: nothing here fits."""

from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, field, fields
from difflib import get_close_matches
from typing import Any, Self

from cryptoml_site.errors import Invalid

FEWEST_ROWS = 100  # that anything is fitted on, or judged by
CALIBRATIONS = ("none", "sigmoid")


def _option(default: Any, said: str, *, low: float = 0, high: float = 0, choices: tuple[str, ...] = ()) -> Any:
    """A field that knows what it takes: `choices`, or numbers from `low` to `high`, 0 always among them."""
    return field(default=default, metadata={"said": said, "low": low, "high": high, "choices": choices})


@dataclass(frozen=True)
class Options:
    """What a recipe has beside estimator, parameters, feature set, folds and seed."""

    window: int = _option(
        0, "Rows that each fold is fitted on at most, the newest; 0: all before it.", low=FEWEST_ROWS, high=10_000_000
    )
    embargo: int = _option(0, "Rows left out between training and test, beside the purged horizon.", high=10_000)
    calibration: str = _option(
        "none", "Sigmoid: of the probabilities, on the newest fifth of each training window.", choices=CALIBRATIONS
    )
    balance: bool = _option(False, "Ups and downs weigh the same.")
    half_life: float = _option(0.0, "Days after which a row weighs half; 0: all weigh the same.", low=0.1, high=36_500)
    dead_zone: float = _option(
        0.0, "Sigmas of the trailing return within which a row's label teaches nothing.", high=10
    )
    trials: int = _option(0, "Trials of a search for parameters before the walk-forward; 0: as given.", high=10_000)
    search_minutes: float = _option(
        10.0, "Minutes that such a search may take; 0: as long as its trials do.", high=10_080
    )

    @classmethod
    def parse(cls, given: Mapping[str, object]) -> Self:
        """As JSON or a form gives them. Raises Invalid, naming the field, for what there is not or cannot be."""
        known = {entry.name: entry for entry in fields(cls)}
        for name in given:
            if name not in known:
                raise Invalid(_unknown(str(name), list(known)), code="unknown_option", field=f"options.{name}")
        return cls(**{name: _checked(known[name], value) for name, value in given.items()})

    def as_json(self) -> dict[str, Any]:
        """What differs from the defaults.

        >>> Options(window=5_000).as_json()
        {'window': 5000}
        """
        return {entry.name: getattr(self, entry.name) for entry in fields(self) if self._differs(entry)}

    def _differs(self, entry: Field[Any]) -> bool:
        return bool(getattr(self, entry.name) != entry.default)


@dataclass(frozen=True)
class Recipe:
    """Everything that decides, for given rows, which version is learnt from them."""

    estimator: str
    params: Mapping[str, float]  # all of them, defaults too
    feature_set: str
    folds: int
    seed: int
    options: Options

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "options": self.options.as_json()}


def _checked(entry: Field[Any], value: object) -> Any:
    if not _accepts(entry, value):
        raise Invalid(
            f"{entry.name} is {repr(value)[:80]}: give {_asked(entry)}",
            code="invalid_option",
            field=f"options.{entry.name}",
        )
    kind: type[Any] = type(entry.default)
    return kind(value)


def _accepts(entry: Field[Any], value: object) -> bool:
    """A number is no switch and a switch no number; a whole number is a fraction too."""
    if isinstance(entry.default, bool) or isinstance(value, bool):
        return isinstance(entry.default, bool) and isinstance(value, bool)
    if isinstance(entry.default, str):
        return value in entry.metadata["choices"]
    if not isinstance(value, int if isinstance(entry.default, int) else int | float):
        return False
    return value == 0 or bool(entry.metadata["low"] <= value <= entry.metadata["high"])


def _asked(entry: Field[Any]) -> str:
    if isinstance(entry.default, bool):
        return "true or false"
    if isinstance(entry.default, str):
        return " or ".join(entry.metadata["choices"])
    kind = "a whole number" if isinstance(entry.default, int) else "a number"
    low, high = entry.metadata["low"], entry.metadata["high"]
    return f"{'0, or ' if low else ''}{kind} from {low:,} to {high:,}"


def _unknown(name: str, known: list[str]) -> str:
    alike = get_close_matches(name, known, n=1)
    hint = f" (did you mean '{alike[0]}'?)" if alike else ""
    return f"there is no option '{name}'{hint}: there are {', '.join(known)}"
