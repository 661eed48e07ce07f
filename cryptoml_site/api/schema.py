"""What /docs shows: each address once, under its canonical name."""

from collections.abc import Callable, Iterable

Endpoint = tuple[str, str, str, Callable[..., object]]  # path, path as a regular expression, method, view
CANONICAL = "/api/v1/"


def canonical_only(endpoints: Iterable[Endpoint]) -> list[Endpoint]:
    """SPECTACULAR_SETTINGS["PREPROCESSING_HOOKS"]: the same addresses at / are for classic curl lines."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith(CANONICAL)]
