"""Errors as lines: each 5xx response and each failed task is one, as cryptoml_site.log_lines writes it.

Whatever is told to the logger `cryptoml.errors` leaves here, without a secret; what Django tells to its own is passed
on to it, so that nothing is told twice.
"""

from __future__ import annotations

import logging
import re
import traceback
from functools import cache
from threading import Lock
from time import monotonic
from typing import Any, NamedTuple

from django.conf import settings

from registry.request_ids import name_request

errors = logging.getLogger("cryptoml.errors")
FIELDS = (
    *("request_id", "task_id", "task", "method", "route", "status", "code", "model", "version"),
    *("exception", "message", "traceback", "suppressed"),
)
LONGEST = 20_000  # characters of a traceback, and of a message; their ends say most
HIDDEN = "[hidden]"
UNAVAILABLE = 503

_KEYS = re.compile(r"[0-9a-f]{8}\.[A-Za-z0-9_-]{43}")  # as predictions.models.ApiKey issues them
_PASSWORDS = re.compile(r"(?<=://)[^\s/@]+@|(?<=password=)\S+", re.IGNORECASE)


def scrubbed(text: str) -> str:
    """Without API keys, and without what the settings keep secret."""
    for secret in _secrets():
        text = text.replace(secret, HIDDEN)
    return _PASSWORDS.sub(HIDDEN, _KEYS.sub(HIDDEN, text))


@cache
def _secrets() -> tuple[str, ...]:
    """The longest first: one may hold another."""
    databases = (settings.DATABASES["default"], settings.MIGRATE_DATABASE or {})
    told = [
        settings.SECRET_KEY,
        *settings.SECRET_KEY_FALLBACKS,
        settings.COINGECKO_API_KEY,
        settings.SENTRY_DSN,
        settings.DEADMAN_URL,
        getattr(settings, "EMAIL_HOST_PASSWORD", ""),
        *(each.get("PASSWORD") for each in databases),
    ]
    return tuple(sorted({secret for secret in told if secret and len(secret) >= 8}, key=len, reverse=True))


def told_by(record: logging.LogRecord) -> dict[str, Any]:
    """The fields of a line."""
    error = record.exc_info[1] if record.exc_info else None
    found: dict[str, Any] = {"message": _short(record.getMessage())} | getattr(record, "told", {})
    if error is not None:
        model, version = getattr(error, "answered_by", (None, None))
        found |= {"exception": _name(error), "message": _short(str(error)) or found["message"]}
        found |= {"model": model, "version": version} if model else {}
        found["traceback"] = _short("".join(traceback.format_exception(error)))
    return {name: found[name] for name in FIELDS if found.get(name) not in (None, "")}


def _name(error: BaseException) -> str:
    kind = type(error)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _short(text: str) -> str:
    """Scrubbed first: half a secret at the cut would be known by nobody as one."""
    return scrubbed(text)[-LONGEST:].encode(errors="replace").decode()  # half a surrogate pair is no JSON


class Told(NamedTuple):
    """Of one code: when it was told last, and how often it was not since."""

    at: float
    suppressed: int


class Refusals:
    """A flood of refusals is one line a second and code, with how many are not told."""

    def __init__(self, seconds: float = 1.0) -> None:
        self.seconds = seconds
        self._told: dict[str, Told] = {}
        self._lock = Lock()

    def take(self, code: str) -> int | None:
        """How many were suppressed since the last line; None where this one is to be."""
        moment = monotonic()
        with self._lock:
            last = self._told.get(code)
            if last is not None and moment - last.at < self.seconds:
                self._told[code] = Told(last.at, last.suppressed + 1)
                return None
            self._told[code] = Told(moment, 0)
            return last.suppressed if last else 0


refusals = Refusals()  # of this process


def tell(request: Any, *, status: int, code: str, error: BaseException | None, sentence: str = "") -> None:
    """One line of a response that failed, and of a 503 one without a traceback, seldom: it is refused, not broken.

    error: what was raised first, where it is known.
    """
    if status != UNAVAILABLE:
        errors.error(sentence or "a response failed", exc_info=error, extra={"told": _facts(request, status, code)})
        return
    suppressed = refusals.take(code)
    if suppressed is not None:
        told = _facts(request, status, code) | {"suppressed": suppressed}
        if error is not None:
            told |= {"exception": _name(error), "message": _short(str(error))}
        errors.warning(sentence or "refused", extra={"told": told})


def _facts(request: Any, status: int, code: str) -> dict[str, Any]:
    if request is None:
        return {"status": status, "code": code}
    match = request.resolver_match
    return {
        "request_id": name_request(request.META),
        "method": request.method,
        "route": match.route if match else scrubbed(request.path_info[1:201]),
        "status": status,
        "code": code,
    }


class PassOn(logging.Handler):
    """Of Django's own logger: 5xx responses that no code of ours has told."""

    def emit(self, record: logging.LogRecord) -> None:
        status = getattr(record, "status_code", 500)
        tell(
            getattr(record, "request", None),
            status=status,
            code="unavailable" if status == UNAVAILABLE else "error",
            error=record.exc_info[1] if record.exc_info else None,
            sentence=record.getMessage(),
        )


class ToldElsewhere(logging.Filter):
    """Of Celery's logger: a task that failed is told as an error line."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno < logging.ERROR or not hasattr(record, "data")
