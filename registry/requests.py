"""Who sends a request, and which one it is, as the ledger keeps them."""

from typing import Protocol, runtime_checkable

from django.http import HttpRequest
from rest_framework.request import Request

from registry.actors import user_actor
from registry.request_ids import REQUEST_ID, name_request

__all__ = ["REQUEST_ID", "Labelled", "actor_of", "request_id_of"]


@runtime_checkable
class Labelled(Protocol):
    """What proves who a program is, such as an API key."""

    @property
    def label(self) -> str: ...


def actor_of(request: Request) -> str:
    """As a label: a key's, or that of whoever is signed in."""
    return request.auth.label if isinstance(request.auth, Labelled) else user_actor(request.user)


def request_id_of(request: Request | HttpRequest) -> str:
    """The client's own from X-Request-ID; a new one where it sent none that can be kept. Asked again, the same."""
    return name_request(request.META)
