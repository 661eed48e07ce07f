""".env.example names every setting that the environment can make, and nothing else, with the default that it has."""

import ast
import re
from itertools import pairwise

import pytest

from cryptoml_site.checked_env import CheckedEnv
from cryptoml_site.embedded.home import SITE

TOLD = dict(re.findall(r"^# ([A-Z_]+)=(.*)$", (SITE / ".env.example").read_text(), re.MULTILINE))
COMPOSE = {"COMPOSE_PROFILES", *re.findall(r"\$\{([A-Z_]+)", (SITE / "docker-compose.yml").read_text())}


def readings():
    """Each call in settings.py that reads the environment."""
    for node in ast.walk(ast.parse((SITE / "cryptoml_site" / "settings.py").read_text())):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="env" | "checked")), args=[ast.Constant(value=str())]):
                yield node


def default(call):
    """The default as the example would say it; None where it is computed."""
    [value] = [keyword.value for keyword in call.keywords if keyword.arg == "default"] or [None]
    try:
        found = ast.literal_eval(value)
    except ValueError:
        return None
    return ",".join(found) if isinstance(found, list) else str("" if found is None else found)


READ = {call.args[0].value: call for call in readings()}


def test_every_setting_is_told_and_nothing_else():
    assert set(TOLD) == set(READ) | COMPOSE


def test_settings_read_nothing_past_the_checked_ways():
    source = (SITE / "cryptoml_site" / "settings.py").read_text()
    assert source.count("os.environ") == 1  # handed to CheckedEnv
    methods = {name for name in vars(CheckedEnv) if not name.startswith("_")}
    used = {call.func.attr for call in READ.values() if call.func.value.id == "checked"}
    assert used <= methods
    assert len(READ) > 20


@pytest.mark.parametrize("name", [name for name, call in READ.items() if default(call) is not None])
def test_the_default_is_told_as_it_is(name):
    assert TOLD[name].lower() == default(READ[name]).lower()


def test_every_setting_has_a_sentence_above_it():
    lines = pairwise((SITE / ".env.example").read_text().splitlines())
    bare = [line for above, line in lines if line[2:].partition("=")[0] in TOLD and not above.endswith(".")]
    assert bare == []


def test_nothing_is_set_in_it():
    assert [line for line in (SITE / ".env.example").read_text().splitlines() if line and line[0] != "#"] == []
