"""Deploy a commit to services on Render and see that it answers; where it does not, put back what was live before.

    RENDER_API_KEY=... [SMOKE_API_KEY=...] python deploy/render/deploy.py WEB_ID,WORKER_ID,... --commit SHA

The first is the web, whose pre-deploy step migrates, so the others follow it, one by one.

Exit status 0: the commit is live and answers. 1: it is not; the last line says whether what was live before is live
again. Standard library alone, so that a pipeline runs it with nothing installed. Render's own auto-deploy must be off,
or two deploy at once. Migrations run in Render's pre-deploy step and are never rolled back: each must suit the version
before it.
"""

import argparse
import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

API = "https://api.render.com/v1"
LIVE = "live"
OF_ANOTHER_SHAPE = (LookupError, TypeError)  # what an answer that is JSON, and not what is documented, comes to
FAILED = {"build_failed", "update_failed", "pre_deploy_failed", "canceled", "deactivated"}
ENDED = FAILED | {LIVE}
TIMEOUT = 15.0  # seconds of one request


class Failed(Exception):
    """In a sentence, for whoever reads the pipeline."""


@dataclass(frozen=True)
class Patience:
    """Seconds."""

    deploy: float = 1_800.0
    health: float = 180.0
    between: float = 5.0


class Service:
    """One on Render, by its API."""

    def __init__(self, service_id: str, *, key: str, api: str, patience: Patience) -> None:
        self.id = service_id
        self.path, self._api, self.patience = f"/services/{service_id}", api, patience
        self._headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}

    def address(self) -> str:
        return str(self._call("GET", self.path)["serviceDetails"]["url"])

    def live_deploy(self) -> str | None:
        """The id of what answers now; None before the first."""
        return next((each["id"] for each in self._deploys() if each["status"] == LIVE), None)

    def cancel_under_way(self) -> None:
        """What was begun and nobody waits for, as where Render took a request whose answer was lost."""
        for each in self._deploys():
            if each["status"] not in ENDED:
                self._cancel(each["id"])

    def deploy(self, commit: str) -> None:
        """Returns once it is live."""
        self._await(self._call("POST", f"{self.path}/deploys", {"commitId": commit})["id"])

    def roll_back(self, deploy_id: str) -> None:
        """Returns once what that deploy built is live again."""
        self._await(self._call("POST", f"{self.path}/rollback", {"deployId": deploy_id})["id"])

    def _await(self, deploy_id: str) -> None:
        deadline = time.monotonic() + self.patience.deploy
        status = ""
        while time.monotonic() < deadline:
            if (new := self._status(deploy_id) or status) != status:
                say(f"{deploy_id}: {new}")
                status = new
            if status == LIVE:
                return
            if status in FAILED:
                raise Failed(f"Render says {status} of {deploy_id}: its log in Render's dashboard says why")
            time.sleep(self.patience.between)
        self._cancel(deploy_id)
        raise Failed(f"{deploy_id} was {status or 'unknown'} after {self.patience.deploy:.0f} s, and is cancelled")

    def _cancel(self, deploy_id: str) -> None:
        """Or it goes live once nobody looks any more."""
        fetch(f"{self._api}{self.path}/deploys/{deploy_id}/cancel", method="POST", headers=self._headers)

    def _deploys(self) -> list[dict[str, str]]:
        """The newest first."""
        return [each["deploy"] for each in self._call("GET", f"{self.path}/deploys?limit=50")]

    def _status(self, deploy_id: str) -> str | None:
        """None where the API does not answer this time: a deploy goes on without being looked at."""
        try:
            return str(self._call("GET", f"{self.path}/deploys/{deploy_id}")["status"])
        except Failed as failure:
            say(f"asking again: {failure}")
            return None

    def _call(self, method: str, path: str, body: dict[str, str] | None = None) -> Any:
        return fetch_json(f"{self._api}{path}", method=method, body=body, headers=self._headers)


def fetch(url: str, *, method: str = "GET", body: Any = None, headers: dict[str, str] | None = None) -> bytes:
    """The body of a 2xx; anything else is Failed, without the headers, which hold keys."""
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, {"Content-Type": "application/json", **(headers or {})}, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(asked, timeout=TIMEOUT) as answer:  # noqa: S310  # nosec B310  # https, or a test's stand-in
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            raise Failed(f"{method} {url}: {error.code} {error.read()[:300].decode(errors='replace')}") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Failed(f"{method} {url}: {error}") from error


def fetch_json(url: str, *, method: str = "GET", body: Any = None, headers: dict[str, str] | None = None) -> Any:
    told = fetch(url, method=method, body=body, headers=headers)
    try:
        return json.loads(told)
    except ValueError as error:
        raise Failed(f"{method} {url}: no JSON, but {told[:300].decode(errors='replace')!r}") from error


def see_that_it_answers(address: str, *, smoke_key: str, patience: Patience) -> None:
    """Health, then what a user does: the API's description and, with a key, what is in production.

    Health may fail for a while, for Render moves its traffic when it likes; what follows may not.
    """
    until(lambda: fetch(f"{address}/health/ready"), patience)
    if b"openapi" not in fetch(f"{address}/schema"):
        raise Failed(f"{address}/schema is not the API's description")
    if smoke_key:
        registry = fetch_json(f"{address}/models/registry", headers={"X-API-Key": smoke_key})
        say(f"in production: {', '.join(each['name'] for each in registry['models']) or 'nothing yet'}")


def until(question: Callable[[], object], patience: Patience) -> None:
    deadline = time.monotonic() + patience.health
    while True:
        try:
            question()
        except Failed:
            if time.monotonic() > deadline:
                raise
            time.sleep(patience.between)
        else:
            return


def deploy_or_put_back(services: list[Service], commit: str, *, address: str, smoke_key: str) -> None:
    """The first service is the web, which answers at the address."""
    before = [(service, service.live_deploy()) for service in services]
    for service, deploy in before:
        say(f"{service.id}: live before is {deploy or 'nothing'}")
    try:
        for service in services:
            service.deploy(commit)
        see_that_it_answers(address, smoke_key=smoke_key, patience=services[0].patience)
    except (Failed, *OF_ANOTHER_SHAPE) as failure:
        put = [put_back(service, deploy) for service, deploy in before]
        put.append(answers_again(address, services[0].patience))
        raise Failed(f"{failure}. {' '.join(put)}") from failure


def put_back(service: Service, before: str | None) -> str:
    """What became of it, whatever that is: the others wait. A failed build never went live; what was live still is."""
    if before is None:
        return f"{service.id}: nothing was live before, so nothing can be put back."
    try:
        service.cancel_under_way()
        if service.live_deploy() == before:
            return f"{service.id}: {before} is still live."
        say(f"{service.id}: putting back {before}")
        service.roll_back(before)
    except (Failed, *OF_ANOTHER_SHAPE) as failure:
        return f"{service.id}: {before} COULD NOT BE PUT BACK, do it in Render's dashboard: {failure}."
    return f"{service.id}: {before} is live again."


def answers_again(address: str, patience: Patience) -> str:
    try:
        until(lambda: fetch(f"{address}/health/ready"), patience)
    except Failed as failure:
        return f"THE SITE DOES NOT ANSWER: {failure}."
    return f"{address} answers."


def say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(description="Deploy a commit to Render, or put back what was live.")
    parser.add_argument(
        "services", type=lambda text: text.replace(" ", "").split(","), help="ids, srv-..., the web's first"
    )
    parser.add_argument("--commit", required=True)
    parser.add_argument("--api", default=API)
    parser.add_argument("--address", help="where it is reached; by default what Render says")
    parser.add_argument("--deploy-seconds", type=float, default=Patience.deploy)
    parser.add_argument("--health-seconds", type=float, default=Patience.health)
    parser.add_argument("--between-seconds", type=float, default=Patience.between)
    asked = parser.parse_args(argv)
    key = os.environ.get("RENDER_API_KEY", "")
    if not key or not all(asked.services):
        sys.exit(
            "RENDER_API_KEY and the services' ids are needed: they are secrets of the repository, see DEPLOYMENT.md"
        )
    patience = Patience(asked.deploy_seconds, asked.health_seconds, asked.between_seconds)
    services = [Service(each, key=key, api=asked.api, patience=patience) for each in asked.services]
    try:
        address = asked.address or services[0].address()
        deploy_or_put_back(services, asked.commit, address=address, smoke_key=os.environ.get("SMOKE_API_KEY", ""))
    except Failed as failure:
        sys.exit(str(failure))
    say(f"{asked.commit} is live at {address} and answers")


if __name__ == "__main__":
    main(sys.argv[1:])
