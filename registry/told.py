"""How our own loggers are told of an event: in the fields that its line will have, past what logging would look up."""

import logging
from typing import Any


def tell(logger: logging.Logger, event: str, level: int = logging.INFO, **facts: Any) -> None:
    """One line. facts: harmless each; what is empty is left out."""
    if not logger.isEnabledFor(level):
        return
    record = logging.LogRecord(logger.name, level, "", 0, event, None, None)
    record.event = event
    record.told = {name: value for name, value in facts.items() if value not in ("", None)}
    logger.handle(record)
