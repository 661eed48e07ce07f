"""Which request it is: one name for its ledger rows, its response, its error line and the tasks that it enqueues.

Plain Python, for the Celery app asks for it before Django's apps are loaded.
"""

import re
from collections.abc import MutableMapping
from contextvars import ContextVar
from random import getrandbits
from typing import Any

REQUEST_ID = "X-Request-ID"
OF_A_CLIENT = re.compile(r"(?!.*[0-9a-f]{8}\.[A-Za-z0-9_-]{43})[A-Za-z0-9._:-]{1,64}")  # and never an API key
SENT = "HTTP_X_REQUEST_ID"  # in a WSGI environ

current_request_id: ContextVar[str] = ContextVar("current_request_id", default="")  # of what this thread works for


def name_request(environ: MutableMapping[str, Any]) -> str:
    """The client's own id where it sent one that can be kept, else a new one, which takes its place in the environ."""
    sent: str = environ.get(SENT, "")
    if sent and OF_A_CLIENT.fullmatch(sent):
        return sent
    environ[SENT] = made = f"{getrandbits(128):032x}"  # nosec B311  # a name, no secret
    return made
