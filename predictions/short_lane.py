"""The short lane: a program sends JSON with a key and takes JSON, so nothing has to be negotiated, wrapped or rendered.

It stands before Django as a WSGI application and calls the code that DRF's lane calls, in the same order: key, scope,
limit, body, answer, log. What is not plain goes on to Django; what is refused leaves as DRF's handler says it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from time import perf_counter
from typing import Any

from csp.utils import build_policy
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.db import connection
from django.http.request import split_domain_port, validate_host

from predictions.authentication import bears_key, sent_key
from predictions.callers import Caller
from predictions.limits import Allowance
from predictions.middleware import error_code, record_told
from predictions.refused_bodies import remember
from predictions.replies import Reply
from predictions.response_times import Told
from predictions.throttling import check, take_one
from predictions.views.answering import JSON, AnsweringView
from registry.request_ids import REQUEST_ID, name_request

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]
TAKES_JSON = frozenset({"", "*/*", JSON})
LARGEST_LEFT = 65_536  # bytes
MOST_HOSTS = 100  # remembered; a wildcard in ALLOWED_HOSTS lets any number through
PROTECTION = {  # what Django's middleware gives every response
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def protection() -> dict[str, str]:
    """The same, with what the settings make of it. Where the site is over https, so is all that this lane takes."""
    strict = {"Strict-Transport-Security": f"max-age={settings.SECURE_HSTS_SECONDS}"}
    return PROTECTION | {"Content-Security-Policy": build_policy()} | (strict if settings.SECURE_HSTS_SECONDS else {})


class ShortLane:
    """django: the application for everything else. lanes: by path, the view whose lane it is."""

    def __init__(self, django: Application, lanes: Mapping[str, type[AnsweringView]]) -> None:
        self.django = django
        self.lanes = lanes
        self.protection = protection()
        self._known_hosts: set[str] = set()

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        view = self.lanes.get(environ["PATH_INFO"])
        if view is not None:
            remember(environ)
        if view is None or not self._is_plain(environ):
            said = self.django(environ, start_response)
        else:
            said = PlainAnswer(view(), environ, self.protection)(start_response)
        read_the_rest(environ)
        return said

    def _is_plain(self, sent: Environ) -> bool:
        return (
            sent["REQUEST_METHOD"] == "POST"
            and sent.get("CONTENT_TYPE") == JSON
            and sent.get("HTTP_ACCEPT", "") in TAKES_JSON
            and bears_key(sent)
            and not sent.get("QUERY_STRING")
            and (not settings.SECURE_SSL_REDIRECT or is_secure(sent))
            and self._is_ours(sent.get("HTTP_HOST", ""))
        )

    def _is_ours(self, host: str) -> bool:
        """Django refuses every Host that is not, with a page of its own."""
        if host in self._known_hosts:
            return True
        domain, _ = split_domain_port(host)
        if not domain or not validate_host(domain, settings.ALLOWED_HOSTS):
            return False
        if len(self._known_hosts) < MOST_HOSTS:
            self._known_hosts.add(host)
        return True


def is_secure(sent: Environ) -> bool:
    """As HttpRequest.is_secure(); what is not, Django refuses."""
    trusted = settings.SECURE_PROXY_SSL_HEADER
    if trusted is not None and trusted[0] in sent:
        said: str = sent[trusted[0]]
        return said.partition(",")[0].strip() == trusted[1]
    return bool(sent["wsgi.url_scheme"] == "https")


def read_the_rest(sent: Environ) -> None:
    """Of a small body that a refusal left unread: over it the server would close the connection, and lose the reply."""
    length = sent.get("CONTENT_LENGTH") or ""
    if length.isdecimal() and int(length) <= LARGEST_LEFT:
        sent["wsgi.input"].read(int(length))


class PlainAnswer:
    """One request in the short lane."""

    def __init__(self, view: AnsweringView, sent: Environ, protection: dict[str, str]) -> None:
        self.view = view
        self.sent = sent
        self.protection = protection
        self.key = ""  # its prefix, once it is known to be one
        self.request_id = name_request(sent)
        self.allowance: Allowance | None = None
        self.began = perf_counter()

    def __call__(self, start_response: Any) -> Iterable[bytes]:
        try:
            reply = self._reply()
            renderer: Any = self.view.renderer_classes[0]()
            body: bytes = renderer.render(reply.body)
        except Exception as error:  # noqa: BLE001  # as DRF's dispatch does: its handler knows which are ours
            return self._refuse(error, start_response)
        start_response("200 OK", self._headers(body, {"Content-Type": JSON} | reply.headers))
        self._record(200, model=reply.model, version=reply.version)
        return (body,)

    def _reply(self) -> Reply:
        if connection.connection is not None and not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()  # as Django does: a broken one would stay in its thread for good
        caller = Caller(key=sent_key(self.sent))
        self.key = caller.key.prefix if caller.key else ""
        caller.check(self.view.scopes["POST"])
        self.allowance = take_one(caller, self.sent)
        check(self.allowance)
        return self.view.answer_to(self.view.body_of(self.sent), caller, self.sent)

    def _refuse(self, error: Exception, start_response: Any) -> Iterable[bytes]:
        response = self.view.refusal(WSGIRequest(self.sent), error)
        body = response.render().getvalue()
        start_response(f"{response.status_code} {response.reason_phrase}", self._headers(body, dict(response.items())))
        self._record(response.status_code, code=error_code(response))
        return (body,)

    def _headers(self, body: bytes, headers: dict[str, str]) -> list[tuple[str, str]]:
        allowance = self.allowance.headers() if self.allowance is not None else {}
        own = {REQUEST_ID: self.request_id, "Content-Length": str(len(body))}
        return list((headers | self.protection | allowance | own).items())

    def _record(self, status: int, *, code: str = "", model: str = "", version: int | None = None) -> None:
        told: Told = {
            "method": "POST",
            "route": self.sent["PATH_INFO"][1:],
            "status": status,
            "code": code,
            "model": model,
            "version": version,
            "seconds": perf_counter() - self.began,
        }
        record_told(told, self.sent, request_id=self.request_id, key=self.key)
