"""Who did it, as a label: the ledger hangs on no user row."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

LONGEST = 100  # characters of a label; names of users may be longer


def command_actor() -> str:
    """Whoever runs this command, by the name of their account."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        name = "unknown"
    return f"command:{name}".encode(errors="replace").decode()[:LONGEST]  # LOGNAME may be any bytes


def user_actor(user: AbstractBaseUser | AnonymousUser) -> str:
    """Somebody who is signed in."""
    return f"user:{user.get_username()}"[:LONGEST]


def is_person(actor: str) -> bool:
    """Somebody who can be asked about it, in the admin or at a shell; not a program with a key."""
    return actor.startswith(("user:", "command:"))


def is_schedule(actor: str) -> bool:
    return actor.startswith("schedule:")
