"""A site is signed in to, asked and told off, with every secret that it has; none of them is in any of its logs."""

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from subprocess import PIPE
from urllib.parse import quote

import httpx
import pytest

from cryptoml_site.embedded.home import PORT, SITE, Home
from monitoring.alerts.queueing import SEND_TO
from monitoring.drift.queueing import CHECK
from tests.e2e.conftest import wait_for
from tests.e2e.mover import PASSWORD
from tests.e2e.site_under_load import Site
from training.features.classic import EXAMPLE

pytestmark = pytest.mark.xdist_group("serving")

SECRET_KEY = secrets.token_urlsafe(48)
DATABASE_PASSWORD = "database-biscuit-7"
COINGECKO_KEY = "CG-biscuit-8"
MAIL_PASSWORD, DEADMAN = "mail-biscuit-5", "deadman-biscuit-6"
TYPED = "typed-by-mistake-9"
HOOK = "http://127.0.0.1:9/hook-biscuit-9"  # where nobody listens
SEND = f"""
import django, sys
django.setup()
from cryptoml_site.celery import app
from monitoring.alerts.queueing import SEND_TO
from monitoring.models import AlertChannel, Notification
app.send_task({CHECK!r}, [sys.argv[1]])
channel = AlertChannel.objects.create(name="hook", kind="webhook", url={HOOK!r})
Notification.objects.create(channel=channel, event="test", payload={{}})
app.send_task(SEND_TO, [str(channel.pk)])
print(channel.secret)
"""


class Telling(Site):
    """All that can be told is."""

    def _environment(self):
        sockets = quote(str(self.home.sockets), safe="")
        return super()._environment() | {
            "SECRET_KEY": SECRET_KEY,
            "DATABASE_URL": f"postgres://cryptoml:{DATABASE_PASSWORD}@:{PORT}/{sockets}/cryptoml",
            "MIGRATE_DATABASE_URL": f"postgres://cryptoml_owner:{DATABASE_PASSWORD}@:{PORT}/{sockets}/cryptoml",
            "COINGECKO_API_KEY": COINGECKO_KEY,
            "EMAIL_URL": f"smtp+tls://mailer:{MAIL_PASSWORD}@127.0.0.1:9",
            "DEADMAN_URL": f"http://127.0.0.1:9/{DEADMAN}",
            "ALERT_PRIVATE_HOSTS": "127.0.0.1",
            "LOG_FILES": "true",
            "LOG_REFUSED_BODIES": "true",
            "CRYPTOML_LOG_REQUESTS": "10000",
        }

    def start_worker(self):
        worker = [
            sys.executable,
            "-m",
            "celery",
            "--app",
            "cryptoml_site.celery",
            "worker",
            "--queues",
            "monitoring,fetching",
        ]
        with (self.home.logs / "worker.log").open("ab") as log:
            command = [*worker, "--pool", "solo", "--loglevel", "INFO"]
            return subprocess.Popen(command, cwd=SITE, env=self._environment(), stdout=log, stderr=log)

    def run(self, *argv):
        return subprocess.run(argv, cwd=SITE, env=self._environment(), check=True, stdout=PIPE, text=True).stdout


@pytest.fixture
def site():
    folder = Path(tempfile.mkdtemp(dir=os.environ["CRYPTOML_HOME"]))
    folder.chmod(0o711)  # Postgres runs as another user when root tests
    with Telling(Home(folder / "home")) as site:
        yield site
    shutil.rmtree(folder)
    shutil.rmtree(site.home.sockets, ignore_errors=True)


def fill(person, path, **fields):
    person.get(path)
    token = {"csrfmiddlewaretoken": person.cookies["csrftoken"]}
    return person.post(path, data=token | fields, headers={"Referer": str(person.base_url)})


def browser(site):
    return httpx.Client(base_url=f"http://127.0.0.1:{site.port}", follow_redirects=True, timeout=30)


def sign_in(person):
    """An owner who mistypes first, in each field."""
    fill(person, "/admin/login/", username="owner", password=f"{PASSWORD}-wrong")
    fill(person, "/admin/login/", username=TYPED, password="x")
    assert "Log out" in fill(person, "/admin/login/", username="owner", password=PASSWORD).text
    return person.cookies["sessionid"], person.cookies["csrftoken"]


def issue_key(person):
    page = fill(person, "/admin/predictions/apikey/add/", name="bot", scopes=["predict"], rate_limit="")
    return re.search(r'id="secret"[^>]*>\s*([0-9a-f]{8}\.[\w-]{43})', page.text)[1]


def ask(client, key):
    """Rightly, and in every way in which a key goes astray."""
    wrong = f"{key[:20]}{'0' * (len(key) - 20)}"
    statuses = [client.post("/predict", json=EXAMPLE, headers={"X-API-Key": each}).status_code for each in (key, wrong)]
    assert statuses == [200, 401]
    headers = {"Authorization": f"Api-Key {key}", "X-Request-ID": key}
    client.post("/predict", json={**EXAMPLE, key: 1, "api_key": key, "market": key}, headers=headers)
    client.post(
        "/predict", content=f'{{"price": "{key}', headers={"X-API-Key": key, "Content-Type": "application/json"}
    )
    client.post("/predict", json={"model": key}, headers={"X-API-Key": key, "Accept": "text/html"})
    client.post(f"/predict?key={key}", json=EXAMPLE)
    assert client.get("/health", headers={"Host": key}).status_code == 400
    for path in (f"/predictions/{key}", f"/models/{key}", f"/nowhere/{key}", f"/health?key={key}"):
        client.get(path, headers={"X-API-Key": key, "User-Agent": key, "Cookie": f"sessionid={key}"})
    return wrong


def lines_of(log):
    return [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]


def tasks_of(site):
    return {line["task"]: line for line in lines_of(site.home.logs / "worker.log") if line["event"] == "task"}


def test_no_secret_is_in_any_log(site):
    with browser(site) as person:
        session, token = sign_in(person)
        key = issue_key(person)
    with browser(site) as client:
        wrong = ask(client, key)
    worker = site.start_worker()
    try:
        signing = site.run(sys.executable, "-c", SEND, key).split()[-1]
        wait_for(lambda: len(tasks_of(site)) == 2)
    finally:
        worker.terminate()
        worker.wait(30)
    site.stop()

    told = lines_of(site.home.logs / "web.log")
    assert {line["event"] for line in told} >= {"request", "refused_body"}
    assert {line["key"] for line in told if "key" in line} == {key[:8], site.api_key[:8]}
    tasks = tasks_of(site)
    assert {name: task["state"] for name, task in tasks.items()} == {CHECK: "failure", SEND_TO: "success"}
    assert "to channel hook" in (site.home.logs / "worker.log").read_text()
    assert len((site.home.logs / "model_monitor.log").read_text().splitlines()) >= len(told)

    kept = (SECRET_KEY, DATABASE_PASSWORD, COINGECKO_KEY, PASSWORD, TYPED, session, token)
    more = (MAIL_PASSWORD, DEADMAN, HOOK.rpartition("/")[2], signing)
    keys = [each.partition(".")[2] for each in (key, wrong, site.api_key)]
    logs = [path for path in site.home.logs.rglob("*") if path.is_file()]
    assert {"web.log", "worker.log", "postgres.log", "valkey.log", "model_monitor.log"} <= {log.name for log in logs}
    found = [
        (log.name, secret)
        for log in logs
        for secret in (*kept, *more, *keys)
        if secret in log.read_text(errors="replace")
    ]
    assert found == []
