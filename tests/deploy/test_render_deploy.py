"""deploy/render/deploy.py as a process, against a stand-in for Render's API and for the site it deploys."""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml

from cryptoml_site.embedded.home import SITE
from deploy.render.deploy import Patience

SCRIPT = SITE / "deploy" / "render" / "deploy.py"
KEY = "rnd_never_in_a_log"


class Render(ThreadingHTTPServer):
    """Its services have one deploy that is live; what a new one goes through is said by the test."""

    def __init__(self, services, *, course, healthy):
        super().__init__(("127.0.0.1", 0), Answer)
        self.course = course
        self.healthy = healthy  # whether what was deployed last answers; what was live before always does
        self.deploys = {name: [{"id": f"dep-old-{name}", "status": "live"}] for name in services}
        self.asked = []
        self.instead = {}  # by the end of a path that is posted to: status and bytes, once the request was obeyed

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"

    def begin(self, service, kind, course):
        deploy = {"id": f"dep-{kind}-{service}", "status": "created", "course": list(course)}
        self.deploys[service].insert(0, deploy)
        return deploy

    def look(self, service, deploy_id):
        deploy = next(each for each in self.deploys[service] if each["id"] == deploy_id)
        if deploy.get("course"):
            deploy["status"] = deploy["course"].pop(0)
        if deploy["status"] == "live":
            for other in self.deploys[service]:
                if other is not deploy and other["status"] == "live":
                    other["status"] = "deactivated"
        return deploy

    def live(self, service="web"):
        return [each["id"] for each in self.deploys[service] if each["status"] == "live"]


class Answer(BaseHTTPRequestHandler):
    registry = b'{"models": [{"name": "demo-usd-1m"}]}'

    def do_GET(self):
        site = self.server
        match self.path.partition("?")[0].strip("/").split("/"):
            case ["health", "ready"]:
                well = site.healthy or site.live() != ["dep-new-web"]
                self.say(200 if well else 503, {"status": "ok" if well else "down"})
            case ["schema"]:
                self.say(200, {"openapi": "3.0.3"})
            case ["models", "registry"]:
                self.say_bytes(200 if self.headers["X-API-Key"] == "smoke" else 401, self.registry)
            case ["v1", "services", _] if self.admitted():
                self.say(200, {"serviceDetails": {"url": site.address}})
            case ["v1", "services", name, "deploys"] if self.admitted():
                self.say(200, [{"deploy": each, "cursor": each["id"]} for each in site.deploys[name]])
            case ["v1", "services", name, "deploys", deploy_id] if self.admitted():
                self.say(200, site.look(name, deploy_id))

    def do_POST(self):
        site = self.server
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
        site.asked.append((self.path, body))
        match self.path.strip("/").split("/"):
            case ["v1", "services", name, "deploys"] if instead := site.instead.get(f"{name}/deploys"):
                site.begin(name, "new", site.course[name])
                self.say_bytes(*instead)
            case ["v1", "services", name, "rollback"] if instead := site.instead.get(f"{name}/rollback"):
                self.say_bytes(*instead)
            case ["v1", "services", name, "deploys"] if self.admitted():
                self.say(201, site.begin(name, "new", site.course[name]))
            case ["v1", "services", name, "rollback"] if self.admitted():
                self.say(201, site.begin(name, "back", ["update_in_progress", "live"]))
            case ["v1", "services", name, "deploys", deploy_id, "cancel"] if self.admitted():
                site.look(name, deploy_id).update(status="canceled", course=[])
                self.say(200, {})

    def admitted(self):
        if self.headers["Authorization"] == f"Bearer {KEY}":
            return True
        self.say(401, {"message": "Unauthorized"})
        return False

    def say(self, status, body):
        self.say_bytes(status, json.dumps(body).encode())

    def say_bytes(self, status, told):
        self.send_response(status)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *args):
        pass


@pytest.fixture
def render():
    """render(COURSE_OF_THE_WEB, ...) is a Render whose services are web and worker."""
    servers = []

    def start(course, *, worker=("live",), healthy=True):
        server = Render(["web", "worker"], course={"web": course, "worker": worker}, healthy=healthy)
        servers.append((server, threading.Thread(target=server.serve_forever)))
        servers[-1][1].start()
        return server

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def deploy(render, *options, services="web,worker", key=KEY, smoke="smoke"):
    quick = ["--deploy-seconds", "2", "--health-seconds", "0.5", "--between-seconds", "0.05"]
    command = [sys.executable, str(SCRIPT), services, "--commit", "abc123", "--api", f"{render.address}/v1", *quick]
    env = {**os.environ, "RENDER_API_KEY": key, "SMOKE_API_KEY": smoke}
    return subprocess.run([*command, *options], env=env, capture_output=True, text=True, timeout=60)


def test_the_commit_goes_to_every_service_the_webs_first(render):
    site = render(["build_in_progress", "pre_deploy_in_progress", "live"])
    done = deploy(site)
    assert (done.returncode, site.live("web"), site.live("worker")) == (0, ["dep-new-web"], ["dep-new-worker"]), done
    assert site.asked == [(f"/v1/services/{name}/deploys", {"commitId": "abc123"}) for name in ("web", "worker")]
    assert "in production: demo-usd-1m" in done.stderr


@pytest.mark.parametrize("status", ["build_failed", "pre_deploy_failed", "update_failed", "canceled"])
def test_a_deploy_that_fails_leaves_what_was_live(render, status):
    site = render(["build_in_progress", status])
    done = deploy(site)
    assert (done.returncode, site.live("web"), site.live("worker")) == (1, ["dep-old-web"], ["dep-old-worker"])
    assert status in done.stderr
    assert "web: dep-old-web is still live." in done.stderr
    assert not [path for path, _ in site.asked if path.endswith("rollback")]


def test_a_site_that_does_not_answer_is_rolled_back_with_its_workers(render):
    site = render(["live"], healthy=False)
    done = deploy(site)
    assert (done.returncode, site.live("web"), site.live("worker")) == (1, ["dep-back-web"], ["dep-back-worker"])
    assert ("/v1/services/web/rollback", {"deployId": "dep-old-web"}) in site.asked
    assert "503" in done.stderr
    assert "dep-old-worker is live again" in done.stderr


def test_a_smoke_test_that_fails_rolls_back(render):
    site = render(["live"])
    done = deploy(site, smoke="another key")
    assert (done.returncode, site.live("web")) == (1, ["dep-back-web"])
    assert "/models/registry: 401" in done.stderr


def test_a_worker_that_fails_takes_the_web_back_with_it(render):
    site = render(["live"], worker=["update_failed"])
    done = deploy(site)
    assert (done.returncode, site.live("web"), site.live("worker")) == (1, ["dep-back-web"], ["dep-old-worker"])


def test_a_deploy_that_never_ends_is_cancelled(render):
    site = render(["build_in_progress"])
    done = deploy(site)
    assert (done.returncode, site.live("web")) == (1, ["dep-old-web"])
    assert ("/v1/services/web/deploys/dep-new-web/cancel", {}) in site.asked
    assert "build_in_progress after 2 s" in done.stderr


@pytest.mark.parametrize("told", [(202, b""), (200, b"<html>try later</html>"), (502, b"<html>bad gateway</html>")])
def test_a_deploy_that_render_began_and_did_not_tell_of_is_cancelled_and_the_others_put_back(render, told):
    site = render(["live"], worker=["build_in_progress"])
    site.instead["worker/deploys"] = told
    done = deploy(site)
    assert (done.returncode, site.live("web"), site.live("worker")) == (1, ["dep-back-web"], ["dep-old-worker"])
    assert ("/v1/services/worker/deploys/dep-new-worker/cancel", {}) in site.asked
    assert "Traceback" not in done.stderr


def test_a_service_that_cannot_be_put_back_does_not_keep_the_others_from_it(render):
    site = render(["live"], healthy=False)
    site.instead["web/rollback"] = (500, b"try later")
    done = deploy(site)
    last = done.stderr.splitlines()[-1]
    assert (done.returncode, site.live("web"), site.live("worker")) == (1, ["dep-new-web"], ["dep-back-worker"])
    assert "web: dep-old-web COULD NOT BE PUT BACK" in last
    assert "worker: dep-old-worker is live again." in last
    assert "THE SITE DOES NOT ANSWER" in last


@pytest.mark.parametrize("page", [b"<html>sign in</html>", b"[]", b'{"models": [{}]}'])
def test_a_smoke_test_that_is_answered_by_another_page_rolls_back(render, monkeypatch, page):
    monkeypatch.setattr(Answer, "registry", page)
    site = render(["live"])
    assert (deploy(site).returncode, site.live("web")) == (1, ["dep-back-web"])


def test_a_key_that_render_does_not_know_is_said_and_not_told(render):
    done = deploy(render(["live"]), key="wrong_secret")
    assert (done.returncode, "401" in done.stderr, "wrong_secret" in done.stderr) == (1, True, False)


@pytest.mark.parametrize("missing", [{"key": ""}, {"services": ""}, {"services": "web,"}])
def test_a_secret_that_is_not_set_is_said(render, missing):
    done = deploy(render(["live"]), **missing)
    assert (done.returncode, "secrets of the repository" in done.stderr) == (1, True)


@pytest.mark.parametrize("job", ["staging", "production"])
def test_the_pipeline_waits_until_the_last_service_is_put_back(job):
    """Every deploy and every way back as slow as they may be; a job that is ended puts nothing back."""
    services = [each for each in read("render.yaml")["services"] if each["type"] in ("web", "worker")]
    slowest = 2 * (len(services) * Patience.deploy + Patience.health)
    minutes = read(".github/workflows/deploy.yml")["jobs"][job]["timeout-minutes"]
    assert slowest / 60 < minutes <= 360  # GitHub's own limit


def read(name):
    return yaml.safe_load((SITE / name).read_text())


def test_no_run_says_the_key(render):
    assert KEY not in deploy(render(["live"], healthy=False)).stderr
