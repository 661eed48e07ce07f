"""Which feature set a model of somebody else's was fitted on: by the names it asks for, never by guessing."""

from difflib import get_close_matches

from cryptoml_site.errors import Invalid, Refused
from training.features.feature_set import FEATURE_SETS, FeatureSet, feature_set

DEFAULT = "classic"


def set_with_names(names: list[str]) -> FeatureSet:
    """The set whose features, in order, are these.

    Raises Invalid (unknown_feature) naming what no set knows, Refused (no_such_feature_set) for known names in a
    choice or an order that no set has.
    """
    refuse_unknown(names)
    for candidate in FEATURE_SETS.values():
        if candidate.names == names:
            return candidate
    nearest = max(FEATURE_SETS.values(), key=lambda candidate: _overlap(candidate, names))
    raise Refused(
        f"no feature set holds these {len(names)} features in this order; the nearest is {nearest.name}, "
        f"{_difference(nearest, names)}: fit the model on {', '.join(nearest.names)}",
        code="no_such_feature_set",
        field="features",
    )


def set_with_width(width: int, *, name: str = DEFAULT) -> FeatureSet:
    """The named set, for a model that names no features. Raises Unknown, and Refused where it has another width."""
    chosen = feature_set(name)
    if len(chosen.names) == width:
        return chosen
    raise Refused(
        f"the model takes {width} features and {name} has {len(chosen.names)}: say in the metadata's 'features' what "
        "they are, in order",
        code="wrong_width",
        field="features",
    )


def refuse_unknown(names: list[str]) -> None:
    known = [name for each in FEATURE_SETS.values() for name in each.names]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise Invalid(
            f"no feature set knows {', '.join(_with_likeness(name, known) for name in unknown)}",
            code="unknown_feature",
            field="features",
            evidence=unknown,
        )


def _with_likeness(name: str, known: list[str]) -> str:
    alike = get_close_matches(name, known, n=1)
    return f"'{name}' (did you mean '{alike[0]}'?)" if alike else f"'{name}'"


def _overlap(candidate: FeatureSet, names: list[str]) -> float:
    """Shared names by all names; 1 for the same ones in another order."""
    return len(set(candidate.names) & set(names)) / len(set(candidate.names) | set(names))


def _difference(nearest: FeatureSet, names: list[str]) -> str:
    """From the names to the nearest set.

    >>> classic = FEATURE_SETS["classic"]
    >>> _difference(classic, classic.names[:-1])
    'which has price_lag_7 besides'
    >>> _difference(classic, classic.names[::-1])
    'whose feature 1 is price, not price_lag_7'
    """
    absent = [name for name in nearest.names if name not in names]
    added = [name for name in names if name not in nearest.names]
    if absent or added:
        said = {"which has {} besides": absent, "which lacks {}": added}
        return " and ".join(words.format(", ".join(which)) for words, which in said.items() if which)
    if len(names) > len(nearest.names):
        return "which names each once"
    pairs = enumerate(zip(nearest.names, names, strict=True), start=1)
    place, (theirs, given) = next((place, pair) for place, pair in pairs if pair[0] != pair[1])
    return f"whose feature {place} is {theirs}, not {given}"
