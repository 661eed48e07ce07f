"""Who sends a request, and which one it is, as the ledger keeps them."""

import re
from typing import Protocol, runtime_checkable
from uuid import uuid4

from django.http import HttpRequest
from rest_framework.request import Request

from registry.actors import user_actor

REQUEST_ID = "X-Request-ID"
OF_A_CLIENT = re.compile(r"[A-Za-z0-9._:-]{1,64}")


@runtime_checkable
class Labelled(Protocol):
    """What proves who a program is, such as an API key."""

    @property
    def label(self) -> str: ...


def actor_of(request: Request) -> str:
    """As a label: a key's, or that of whoever is signed in."""
    return request.auth.label if isinstance(request.auth, Labelled) else user_actor(request.user)


def request_id_of(request: Request | HttpRequest) -> str:
    """The client's own from X-Request-ID; a new one where it sent none that can be kept."""
    sent = request.headers.get(REQUEST_ID, "")
    return sent if OF_A_CLIENT.fullmatch(sent) else uuid4().hex
