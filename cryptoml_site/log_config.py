"""LOGGING: one line for each thing that happened, JSON for programs or words for a terminal, on stderr.

The loggers of ours: cryptoml.requests, cryptoml.tasks, cryptoml.errors and cryptoml.refused. Whatever else is told, by
Django or a library, becomes a line too.
"""

import sys
from pathlib import Path
from typing import Any

OURS = ("cryptoml.requests", "cryptoml.tasks", "cryptoml.errors", "cryptoml.refused")


def log_config(log_format: str, folder: Path | None) -> dict[str, Any]:
    """log_format: json, text, or auto: text where stderr is a terminal. folder: of a file by the day beside it."""
    words = log_format == "text" or (log_format == "auto" and sys.stderr.isatty())
    handlers: dict[str, Any] = {
        "stderr": {"class": "logging.StreamHandler", "formatter": "words" if words else "json"},
        "pass_on": {"class": "cryptoml_site.error_lines.PassOn"},
        "nowhere": {"class": "logging.NullHandler"},  # with none at all logging writes to stderr by itself
    }
    told = ["stderr"]
    if folder is not None:
        path = folder / "model_monitor.log"
        handlers["monitor"] = {"class": "registry.daily_files.DailyFile", "path": path, "formatter": "json"}
        told = ["stderr", "monitor"]
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
            "django": {"handlers": told, "level": "INFO", "propagate": False},
            "django.request": {"handlers": ["pass_on"], "level": "ERROR", "propagate": False},
            "django.security.DisallowedHost": {"handlers": ["nowhere"], "propagate": False},  # anybody can send one
            "celery.app.trace": {"level": "WARNING", "filters": ["told_elsewhere"]},  # cryptoml.tasks tells of each
            "celery.worker.strategy": {"level": "WARNING"},
            "axes": {"level": "WARNING"},
            "httpx": {"level": "WARNING"},  # it tells of every request, through the bars of progress
        },
    }
