"""What lies in a package of the user's own, outside this repository, found by its dotted path."""

from typing import Any

from django.utils.module_loading import import_string

from cryptoml_site.errors import Unknown

LONGEST = 100  # characters, which a run and a version keep


def named_by_path(path: str, *, what: str, code: str) -> Any:
    """The class or object at `package.module.Name`. what: the field that asks for it.

    Raises Unknown, naming that field, where nothing can be imported from there, whatever its module raises.
    """
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
