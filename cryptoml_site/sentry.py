"""Error lines to Sentry too: the exception and what the line says, nothing of a request's body, headers or caller."""

import logging
from typing import Any

import sentry_sdk
from django.conf import settings
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.types import Event, Hint

from cryptoml_site.error_lines import errors, scrubbed, told_by

KEPT = ("exception", "level", "tags", "release", "environment", "timestamp", "platform", "event_id", "sdk", "contexts")
TAGS = ("request_id", "task_id", "task", "method", "route", "status", "code", "model", "version")


class ToSentry(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        told = told_by(record)
        with sentry_sdk.new_scope() as scope:
            scope.set_tags({name: str(told[name]) for name in TAGS if name in told})
            sentry_sdk.capture_exception(record.exc_info[1] if record.exc_info else None)


def start(dsn: str, **more: Any) -> None:
    """None of its integrations: they would tell again what our lines tell, with requests and local variables."""
    sentry_sdk.init(
        dsn=dsn,
        release=settings.CODE_REVISION or None,
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[AtexitIntegration(callback=lambda pending, timeout: None)],
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        before_send=before_send,
        **more,
    )
    errors.addHandler(ToSentry(level=logging.ERROR))


def before_send(event: Event, hint: Hint) -> Event:
    """Only what is named here, and no secret in any of its texts."""
    return _scrubbed({name: value for name, value in event.items() if name in KEPT})  # type: ignore[no-any-return]


def _scrubbed(value: Any) -> Any:
    match value:
        case str():
            return scrubbed(value)
        case dict():
            return {name: _scrubbed(each) for name, each in value.items()}
        case list():
            return [_scrubbed(each) for each in value]
    return value
