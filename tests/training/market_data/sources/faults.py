"""What CoinGecko says when it does not give what was asked: each body as it was recorded."""

import json
from dataclasses import dataclass, field

PRICING = "https://www.coingecko.com/en/api/pricing"
HTML = "<!DOCTYPE html>\n<html><head><title>Just a moment...</title></head><body>cloudflare</body></html>"
THROTTLED = {
    "status": {
        "error_code": 429,
        "error_message": f"You've exceeded the Rate Limit. Please visit {PRICING} to subscribe to our API plans.",
    }
}


@dataclass(frozen=True)
class Answer:
    status: int
    body: str
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "application/json; charset=utf-8"


def told(status: int, body: object, **headers: str) -> Answer:
    """A JSON answer; the underscores of headers are dashes."""
    return Answer(status, json.dumps(body), {name.replace("_", "-"): value for name, value in headers.items()})


def nested(status: int, code: int, message: str) -> Answer:
    """Under `status`, as most refusals are."""
    return told(
        status, {"status": {"timestamp": "2026-11-23T10:00:00.123+00:00", "error_code": code, "error_message": message}}
    )


INVALID_CURRENCY = told(400, {"error": "invalid vs_currency"})
COIN_NOT_FOUND = told(404, {"error": "coin not found"})
NOT_FOUND = told(404, {"error": "Incorrect path. Please check https://www.coingecko.com/api/"})
DEMO_KEY_ON_THE_PRO_HOST = told(
    400,
    {
        "timestamp": "2025-09-01T13:07:05.880+00:00",
        "error_code": 10011,
        "status": {
            "error_message": "If you are using Demo API key, please change your root URL from pro-api.coingecko.com "
            "to api.coingecko.com"
        },
    },
)
PRO_KEY_ON_THE_PUBLIC_HOST = nested(
    400,
    10010,
    "If you are using Pro API key, please change your root URL from api.coingecko.com to pro-api.coingecko.com",
)
KEY_MISSING = nested(401, 10002, "API Key Missing. Please make sure you're using the right authentication method.")
PRO_ONLY = nested(401, 10005, "This request is limited to PRO API subscribers.")
TOO_OLD = told(
    401,
    {
        "error": {
            "status": {
                "timestamp": "2024-04-20T22:00:05.123+00:00",
                "error_code": 10012,
                "error_message": "Your request exceeds the allowed time range. Public API users are limited to "
                "querying historical data within the past 365 days. Upgrade to a paid plan to enjoy full historical "
                f"data access: {PRICING}. ",
            }
        }
    },
)
THROTTLED_AS_TEXT = Answer(429, "Throttled", kind="text/plain")
THROTTLED_AS_HTML = Answer(429, HTML, kind="text/html")
THROTTLED_WITHOUT_HEADERS = told(429, THROTTLED)
HTML_INSTEAD = Answer(200, HTML, kind="text/html; charset=UTF-8")
OUT_OF_ORDER = Answer(502, HTML, kind="text/html; charset=UTF-8")
FIREWALL = Answer(403, "error code: 1020", kind="text/plain")
HUNG_UP = Answer(0, "")  # the connection ends without a word


def missing(parameter: str) -> Answer:
    return told(422, {"error": f"Missing parameter {parameter}"})


def throttled(**headers: str) -> Answer:
    """429 with headers, such as retry_after="30" or x_ratelimit_reset="2025-07-25 14:54:00 +0000"."""
    return told(429, THROTTLED, **headers)
