"""From an answer to a reply: it is logged first, and says where it is safe and how far behind its process may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from predictions import log
from predictions.answers import Answers
from predictions.log.writer import Durability

BEHIND = 1.0  # seconds after which a process that has not read the ledger says so


@dataclass(frozen=True, slots=True)
class Reply:
    """The body of a 200, its headers, and what answered."""

    body: Any
    headers: dict[str, str]
    model: str
    version: int


def logged(answers: Answers, behind: float | None) -> dict[str, str]:
    """Store the answers, and what the reply's headers must say. Raises what `log.write` raises."""
    return headers_of(log.write(answers), behind)


def headers_of(where: Durability, behind: float | None) -> dict[str, str]:
    """Empty in good times. behind: what `follower.seconds_behind` gave before the answer was computed.

    CryptoML-Logged: `spool` or `memory` where the answer is not in Postgres yet.
    CryptoML-Ledger-Age: seconds since this process last read the ledger, where promotions may not have reached it.
    """
    headers = {}
    if where is not Durability.POSTGRES:
        headers["CryptoML-Logged"] = where.value
    if behind is None or behind > BEHIND:
        headers["CryptoML-Ledger-Age"] = "unknown" if behind is None else f"{behind:.1f}"
    return headers
