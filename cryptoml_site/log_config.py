"""LOGGING: one line for each thing that happened, JSON for programs or words for a terminal, on stderr.

The loggers of ours: cryptoml.requests, cryptoml.tasks, cryptoml.errors, cryptoml.refused and cryptoml.drift. Whatever
else is told, by Django or a library, becomes a line too.
"""

import sys
from pathlib import Path
from typing import Any

OURS = ("cryptoml.requests", "cryptoml.tasks", "cryptoml.errors", "cryptoml.refused")


def log_config(log_format: str, folder: Path | None) -> dict[str, Any]:
    """log_format: json, text, or auto, which is text where stderr is a terminal. folder: of files by the day."""
    words = log_format == "text" or (log_format == "auto" and sys.stderr.isatty())
    handlers: dict[str, Any] = {
        "stderr": {"class": "logging.StreamHandler", "formatter": "words" if words else "json"},
        "pass_on": {"class": "cryptoml_site.error_lines.PassOn"},
    }
    told, drift = ["stderr"], ["stderr"]
    if folder is not None:
        handlers["monitor"] = _by_the_day(folder / "model_monitor.log")
        handlers["drift"] = _by_the_day(folder / "drift_events.jsonl")
        told, drift = ["stderr", "monitor"], ["stderr", "monitor", "drift"]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"told_elsewhere": {"()": "cryptoml_site.error_lines.ToldElsewhere"}},
        "formatters": {
            "json": {"()": "cryptoml_site.log_lines.JsonLines"},
            "words": {"()": "cryptoml_site.log_lines.Words"},
        },
        "handlers": handlers,
        "root": {"handlers": told, "level": "INFO"},
        "loggers": {
            **{name: {"handlers": told, "level": "INFO", "propagate": False} for name in OURS},
            "cryptoml.drift": {"handlers": drift, "level": "INFO", "propagate": False},
            "django": {"handlers": told, "level": "INFO", "propagate": False},
            "django.request": {"handlers": ["pass_on"], "level": "ERROR", "propagate": False},
            "django.security.DisallowedHost": {"handlers": [], "propagate": False},  # anybody can send one
            "celery.app.trace": {"level": "WARNING", "filters": ["told_elsewhere"]},  # cryptoml.tasks tells of each
            "celery.worker.strategy": {"level": "WARNING"},
            "axes": {"level": "WARNING"},
            "httpx": {"level": "WARNING"},  # it tells of every request, through the bars of progress
        },
    }


def _by_the_day(path: Path) -> dict[str, Any]:
    return {"class": "cryptoml_site.daily_files.DailyFile", "path": path, "formatter": "json"}
