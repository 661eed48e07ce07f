"""A real Prometheus reads our /metrics with a key, by our own configuration, and understands all that we ask it."""

import json
import re
import shutil
import socket
import subprocess
from pathlib import Path

import httpx
import pytest
import yaml

from cryptoml_site.clock import now
from cryptoml_site.embedded.home import SITE
from monitoring.failed_tasks import FailedTasks
from predictions.models import ApiKey, Scope
from predictions.response_times import ResponseTimes
from tests.e2e.conftest import wait_for
from tests.factories import make_market, make_prediction, make_version
from training.models import Market

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("prometheus"),
    pytest.mark.skipif(
        shutil.which("prometheus") is None, reason="prometheus is not installed: apt-get install prometheus"
    ),
]

DEPLOY = SITE / "deploy"
RULES = [
    rule
    for group in yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
BOARD = json.loads((DEPLOY / "grafana" / "dashboards" / "cryptoml.json").read_text())
EXPRESSIONS = {rule["alert"]: rule["expr"] for rule in RULES} | {
    f"{panel['title']} {target['refId']}": target["expr"]
    for panel in BOARD["panels"]
    for target in panel.get("targets", ())
}
SERIES = {
    re.sub("^(cryptoml_http_response_seconds)$", r"\1_count", name)
    for expression in EXPRESSIONS.values()
    for name in re.findall(r"cryptoml_\w+", expression)
}


def as_grafana_asks(expression):
    return expression.replace("$__rate_interval", "1m").replace("$model", ".*")


@pytest.fixture
def answered():
    """Something of everything: an answer, its response, a refusal, a market, a task that failed."""
    make_prediction(made_at=now(), version=make_version())
    make_market("demo-usd-1m", newest=now())
    Market.objects.update(source="coingecko")
    process = ResponseTimes()
    for status, code in ((200, ""), (400, "missing_field")):
        process.record(method="POST", route="predict", status=status, code=code, model="", version=None, seconds=0.01)
    failed = FailedTasks()
    process.flush(failed.process)
    failed.record("data.roll_up", ValueError())
    failed.hand_in()


@pytest.fixture
def prometheus(tmp_path, live_server, answered):
    """Its address, once it has read our metrics."""
    folder = Path(shutil.copytree(DEPLOY / "prometheus", tmp_path / "prometheus"))
    _, secret = ApiKey.objects.issue(name="prometheus", scopes=[Scope.METRICS_READ], created_by="user:tester")
    (folder / "cryptoml.key").write_text(f"{secret}\n")
    target = live_server.url.removeprefix("http://")
    told = (folder / "prometheus.yml").read_text().replace("localhost:8000", target)
    (folder / "prometheus.yml").write_text(
        told.replace("interval: 15s", "interval: 1s").replace("timeout: 10s", "timeout: 1s")
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    argv = ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data"]
    argv += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(argv, cwd=folder, stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def asked(prometheus, expression):
    answer = httpx.get(f"{prometheus}/api/v1/query", params={"query": expression})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]["result"]


def up(prometheus):
    try:
        if httpx.get(f"{prometheus}/-/ready").status_code != 200:
            return False
    except httpx.TransportError:
        return False
    return [float(each["value"][1]) for each in asked(prometheus, 'up{job="cryptoml"}')] == [1.0]


def test_it_reads_all_that_the_alarms_and_panels_ask_for(prometheus):
    wait_for(lambda: up(prometheus), 60)
    wait_for(lambda: len(asked(prometheus, "count_over_time(up[1m]) > 2")), 60)
    absent = {"cryptoml_roll_up_age_seconds", "cryptoml_oldest_unsettled_answer_age_seconds"}  # nothing has one yet
    found = {each["metric"]["__name__"] for each in asked(prometheus, '{__name__=~"cryptoml_.+"}')}
    assert SERIES - found <= absent
    for name, expression in EXPRESSIONS.items():
        assert asked(prometheus, as_grafana_asks(expression)) is not None, name
    rules = httpx.get(f"{prometheus}/api/v1/rules").json()["data"]["groups"][0]["rules"]
    assert {rule["name"] for rule in rules} == {rule["alert"] for rule in RULES}
    assert {rule["health"] for rule in rules} <= {"ok", "unknown"}  # the latter before it was evaluated
    [target] = httpx.get(f"{prometheus}/api/v1/targets").json()["data"]["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")
