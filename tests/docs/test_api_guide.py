"""Every curl line of the docs is run as it stands, against a site that has what the text speaks of.

A line that shows a refusal says its status behind it, as a comment of the shell: `# 400`.
"""

import json
import re
import shutil
import subprocess

import httpx
import pytest

from cryptoml_site.embedded.home import SITE
from predictions.engine import engine
from predictions.models import ApiKey, Scope
from registry.models import RegisteredModel
from tests.docs.pages import PAGES, curl_lines
from tests.factories import make_model, make_version
from tests.predictions.conftest import _fresh_process  # noqa: F401  # a fixture
from training.features.classic import EXAMPLE
from training.market_data.simulate import simulate_candles

LINES = [(page.name, line) for page in PAGES if page.exists() for line in curl_lines(page)]
SHOWN = re.compile(r'\{"id": "0199\.\.\.", "model": "demo-usd-1m", [^}]+\}')
CURL = r"""curl() { command curl -sS -w '\n%{http_code}' "$@"; }"""  # the status on a line of its own
TOLD = re.compile(r"#\s*(?P<status>[1-5]\d\d)\s*$")

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("docs"),
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed: apt-get install curl"),
]


@pytest.fixture
def site(live_server, monkeypatch):
    """What the text has: `demo-usd-1m` with fresh candles, `bitcoin-usd-1d` at version 3 of 4, an answer, a key."""
    simulate_candles("demo-usd-1m", candles=300, seed=7, signal=0.2)
    bitcoin = make_model()
    versions = [make_version(model=bitcoin, probability_up=0.5 + number / 20) for number in range(4)]
    demo = RegisteredModel.objects.of_market("demo-usd-1m")
    for version in (versions[1], versions[2], make_version(model=demo)):
        version.promote(actor="user:tester", reason="as the text has it")
    _, secret = ApiKey.objects.issue(name="guide", scopes=Scope.values, created_by="user:tester")
    engine.refresh()
    asked = httpx.post(f"{live_server.url}/predict", json=EXAMPLE, headers={"X-API-Key": secret})
    monkeypatch.setenv("BASE", live_server.url)
    monkeypatch.setenv("KEY", secret)
    monkeypatch.setenv("ID", asked.json()["id"])
    return live_server.url


def run(line, url):
    """Status and body."""
    line = line.replace("http://127.0.0.1:8000", url)
    done = subprocess.run(["bash", "-c", f"{CURL}; {line}"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


def test_the_guide_has_lines_to_run():
    assert len(LINES) >= 20
    assert {"README.md", "api.md", "index.md", "outcomes.md", "registry.md", "runbook.md"} <= {
        name for name, _ in LINES
    }


def test_each_line_of_the_guide_runs_as_it_stands(site):
    """One site for all of them: none asks for what another one would have changed."""
    faults = []
    for page, line in LINES:
        status, body = run(line, site)
        told = TOLD.search(line)
        if status != int(told["status"]) if told else not 200 <= status < 300:
            faults.append(f"{page}: {line}\n-> {status} {body}")
    assert faults == []


def test_what_the_guide_shows_of_an_answer_is_what_there_is(site):
    shown = json.loads(SHOWN.search((SITE / "docs" / "api.md").read_text())[0])
    status, body = run(next(line for page, line in LINES if page == "api.md" and "demo-usd-1m" in line), site)
    assert (status, set(shown)) == (200, set(json.loads(body)))
