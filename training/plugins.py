"""What lies in a package of the user's own, outside this repository, found by its dotted path."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.utils.module_loading import import_string

from cryptoml_site.errors import Refused, Unavailable, Unknown

LONGEST = 100  # characters, which a run and a version keep


class PluginFailed(Refused):
    """Code of the user's own raised, or gave what it must not; the sentence names it."""

    code = "plugin_failed"


@contextmanager
def failing_as(what: str) -> Iterator[None]:
    """Within, what somebody else's code raises is raised again as a refusal by that name, its text kept.

    Raises Unavailable for what the system did not give it, which may pass, and PluginFailed for the rest.
    """
    try:
        yield
    except Refused:
        raise
    except OSError as error:
        raise Unavailable(f"{what} failed: {type(error).__name__}: {error}") from error
    except Exception as error:  # it may raise whatever it likes
        raise PluginFailed(f"{what} failed: {type(error).__name__}: {error}") from error


def named_by_path(path: str, *, what: str, code: str) -> Any:
    """The class or object at `package.module.Name`. what: the field that asks for it.

    Raises Unknown, naming that field, where nothing can be imported from there, whatever its module raises.
    """
    if not all(part.isidentifier() for part in path.split(".")):
        raise Unknown(f"'{path[:LONGEST]}' is no dotted path: write it as package.module.Name", code=code, field=what)
    if len(path) > LONGEST:
        raise Unknown(
            f"the path '{path[:LONGEST]}...' has {len(path)} characters, {LONGEST} are kept: import it higher up in "
            "its package",
            code=code,
            field=what,
        )
    try:
        return import_string(path)
    except Exception as error:  # somebody else's module may raise whatever it likes
        said = (str(error).splitlines() or [""])[0]
        raise Unknown(
            f"'{path}' cannot be imported here ({type(error).__name__}: {said}): install its package beside CryptoML, "
            "or name its folder in PYTHONPATH, for web processes and workers alike",
            code=code,
            field=what,
        ) from error
