"""How one attempt to deliver something went."""

from dataclasses import dataclass

LONGEST_ANSWER = 500  # characters that are kept of what a receiver says
LONGEST_ERROR = 500


@dataclass(frozen=True)
class Outcome:
    """error: empty where it was delivered. status: of HTTP, None where nobody answered."""

    milliseconds: int
    error: str = ""
    status: int | None = None
    answer: str = ""
