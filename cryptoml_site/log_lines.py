"""What a log record looks like: one JSON object on one line, or words for people, without a secret in either."""

import logging
import re
from typing import Any

import orjson

from cryptoml_site.clock import now
from cryptoml_site.error_lines import errors, told_by

OF_ERRORS = errors.name
_CONTROLS = re.compile(r"[^\n\t -~\xa0-\U0010ffff]")  # a terminal would obey them: colours, back to the line's start


class JsonLines(logging.Formatter):
    """{"at", "level", "event"} and what is told; a record of a library is the event "log"."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"at": now().isoformat(timespec="milliseconds"), "level": record.levelname.lower()} | _facts(record)
        return orjson.dumps(line, default=str).decode()


class Words(logging.Formatter):
    """10:42:07 info request method=POST route=predict status=200 ms=1.204"""

    def format(self, record: logging.LogRecord) -> str:
        facts = _facts(record)
        event, traceback = facts.pop("event"), facts.pop("traceback", "")
        message = f" {facts.pop('message')}" if "message" in facts else ""
        pairs = "".join(f" {name}={value}" for name, value in facts.items())
        line = f"{now():%H:%M:%S} {record.levelname.lower()} {event}{message}{pairs}".replace("\n", "\n  ")
        whole = f"{line}\n{traceback.rstrip()}" if traceback else line
        return _CONTROLS.sub(lambda control: f"\\x{ord(control[0]):02x}", whole)


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    event = getattr(record, "event", None)
    if event is not None:
        facts: dict[str, Any] = record.told  # type: ignore[attr-defined]  # of ours, each value known to be harmless
        return {"event": event} | facts
    if record.name == OF_ERRORS:
        return {"event": "error"} | told_by(record)
    return {"event": "log", "logger": record.name} | told_by(record)
