"""So many requests a minute, by key; who sends none is told apart by address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.conf import settings
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from predictions.addresses import address_of
from predictions.callers import Caller
from predictions.follower import follower
from predictions.limits import Allowance, Limiter

if TYPE_CHECKING:
    from rest_framework.views import APIView

limiter = Limiter(settings.REDIS_URL, live_processes=lambda: follower.live_processes)  # one per process


def take_one(caller: Caller, sent: Mapping[str, Any]) -> Allowance:
    """Of the caller's requests. sent: the request's WSGI environ."""
    label = caller.label if caller.known else f"anonymous:{address_of(sent)}"
    limit = (caller.key.rate_limit if caller.key else None) or settings.RATE_LIMIT
    return limiter.take(label, limit=limit)


def check(allowance: Allowance) -> None:
    if not allowance.admitted:
        raise Throttled(wait=allowance.retry_after)


class KeyThrottle(BaseThrottle):
    """REST_FRAMEWORK["DEFAULT_THROTTLE_CLASSES"]; `predictions.middleware` tells the client what is left."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        inner: Any = request._request  # HttpRequest declares no attribute for it
        inner.allowance = take_one(Caller.of(request), request.META)
        check(inner.allowance)
        return True
