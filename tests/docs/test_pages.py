"""The pages lead somewhere, and the runbook knows every alert that there is."""

import re
from pathlib import Path

import pytest
import yaml

from cryptoml_site.embedded.home import SITE
from monitoring.alerts.kinds import Kind
from tests.docs.pages import PAGES

LINK = re.compile(r"\]\((?P<path>[^)\s:#]+)(?:#[^)\s]*)?\)")
RUNBOOK = (SITE / "docs" / "runbook.md").read_text()
ALARMS = [
    rule["alert"]
    for group in yaml.safe_load((SITE / "deploy" / "prometheus" / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]


def lost(page: Path) -> list[str]:
    targets = {found["path"] for found in LINK.finditer(page.read_text())}
    return sorted(target for target in targets if not (page.parent / target).exists())


@pytest.mark.parametrize("page", [page for page in PAGES if page.exists()], ids=lambda page: page.name)
def test_each_link_leads_to_a_file(page):
    assert lost(page) == []


@pytest.mark.parametrize("kind", Kind.labels)
def test_the_runbook_says_of_each_rule_what_it_means_and_what_to_do(kind):
    section = re.search(rf"^## {re.escape(kind)}\n(.*?)(?=^## )", RUNBOOK, re.DOTALL | re.MULTILINE | re.IGNORECASE)
    assert section is not None
    assert all(f"*{part}*" in section[1] for part in ("Means", "Look at", "Do"))


@pytest.mark.parametrize("alarm", ALARMS)
def test_the_runbook_names_each_alarm_of_prometheus(alarm):
    assert f"[{alarm}](prometheus.md#{alarm.lower()})" in RUNBOOK


def test_no_picture_is_kept_that_no_page_shows():
    shown = {
        (page.parent / found["path"]).resolve()
        for page in PAGES
        if page.exists()
        for found in LINK.finditer(page.read_text())
    }
    assert set((SITE / "docs" / "images").iterdir()) <= shown
