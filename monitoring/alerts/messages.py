"""What is told of an alert, to people and to programs, and how a receiver knows that it comes from here."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from typing import Any

import orjson

from monitoring.models.alerts import Alert

MARKS = {"info": "🔵", "warning": "⚠️", "critical": "🔴"}
BEGINNINGS = {"opened": "", "still": "still: ", "resolved": "over: ", "test": "test: "}


def payload(alert: Alert, event: str, *, at: datetime) -> dict[str, Any]:
    """As JSON holds it. It is frozen: what is sent late says what was so then."""
    return {
        "event": event,
        "at": at.isoformat(),
        "text": f"[{alert.severity}] {BEGINNINGS[event]}{alert.subject}: {alert.sentence}",
        "alert": {
            "id": alert.pk,
            "rule": alert.rule.name,
            "kind": alert.rule.kind,
            "severity": alert.severity,
            "subject": alert.subject,
            "sentence": alert.sentence,
            "figures": alert.figures,
            "opened_at": alert.opened_at.isoformat(),
            "closed_at": alert.closed_at and alert.closed_at.isoformat(),
            "times_seen": alert.times_seen,
            "path": f"/admin/monitoring/alert/{alert.pk}/change/",
        },
    }


def payload_of_test(channel: str, *, asked_by: str, at: datetime) -> dict[str, Any]:
    said = f"{asked_by} asked for this test of the channel '{channel}': what is wrong would be told here"
    return {"event": "test", "at": at.isoformat(), "text": f"[info] {said}", "alert": None}


def webhook_body(notification_id: object, told: dict[str, Any]) -> bytes:
    """The id is the same each time that it is sent: receivers drop what bears one that they know."""
    return orjson.dumps({"id": str(notification_id), **told})


def slack_body(notification_id: object, told: dict[str, Any]) -> bytes:
    alert = told["alert"]
    mark = MARKS.get(alert["severity"], "") if alert and told["event"] != "resolved" else "✅" if alert else ""
    context = (
        f"id {notification_id}" if alert is None else f"{alert['rule']} · alert {alert['id']} · id {notification_id}"
    )
    blocks = [
        {"type": "section", "text": {"type": "plain_text", "text": f"{mark} {told['text']}".strip()[:3_000]}},
        {"type": "context", "elements": [{"type": "plain_text", "text": context[:300]}]},
    ]
    return orjson.dumps({"text": _escaped(told["text"]), "blocks": blocks})


def _escaped(text: str) -> str:
    """Slack's own marks, so that no sentence mentions a whole channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def signed_headers(notification_id: object, body: bytes, *, secret: str, timestamp: int) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "X-CryptoML-Id": str(notification_id),
        "X-CryptoML-Timestamp": str(timestamp),
        "X-CryptoML-Signature": f"v1={signature(body, secret=secret, timestamp=timestamp)}",
    }


def signature(body: bytes, *, secret: str, timestamp: int) -> str:
    """hex(HMAC-SHA256(secret, TIMESTAMP.BODY)): who replays it later cannot change the moment."""
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def subject_line(told: dict[str, Any]) -> str:
    return " ".join(f"CryptoML {told['text']}".split())[:200]


def letter(notification_id: object, told: dict[str, Any]) -> str:
    alert = told["alert"]
    lines = [told["text"], "", f"At: {told['at']}"]
    if alert:
        figures = [f"{name}: {value}" for name, value in alert["figures"].items()]
        lines += [f"Rule: {alert['rule']}", f"Since: {alert['opened_at']}", *figures, f"In the admin: {alert['path']}"]
    return "\n".join([*lines, "", f"Message {notification_id}; one that you got before is the same."])
