"""What CoinGecko answers instead of what was asked: the shapes of its bodies, and what each means for us."""

from datetime import datetime
from typing import Any, NamedTuple

import httpx
import orjson

from cryptoml_site.errors import Invalid, Refused, Unavailable, Unknown
from training.market_data.sources.coingecko.access import Access
from training.market_data.sources.persistence import InTroubleError
from training.market_data.sources.replies import one_line, retry_after

KEY_FAULTS = {10002, 10005, 10010, 10011}  # no or a wrong key, a paid endpoint, a key on the other plan's host
TOO_OLD = 10012  # a 401 as well, with which the key has nothing to do
COIN = {"code": "coin_unknown", "field": "coin"}
CURRENCY = {"code": "currency_unknown", "field": "currency"}


class Said(NamedTuple):
    """CoinGecko's own number and words for a fault, as far as its body had them."""

    code: int | None
    message: str


def said(body: str) -> Said:
    """Of each shape: {"error": words}, and a code and words at the top, under `status`, or under `error.status`."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Said(None, "" if "<" in body[:200] else one_line(body))
    top = _mapping(found)
    error = top.get("error")
    if isinstance(error, str):
        return Said(None, one_line(error))
    status = _mapping(top.get("status")) or _mapping(_mapping(error).get("status"))
    code = status.get("error_code", top.get("error_code"))
    return Said(code if isinstance(code, int) else None, one_line(str(status.get("error_message") or "")))


def fault(response: httpx.Response, body: bytes, *, access: Access, at: datetime) -> Exception:
    """What is to be raised for an answer that is none: InTroubleError where another try may help."""
    words = said(access.without_key(body.decode("utf-8", "replace")))
    status = response.status_code
    if status in (408, 429) or status >= 500:
        return _trouble(response, words, at=at)
    if words.code == TOO_OLD:
        return _too_old(words)
    if words.code in KEY_FAULTS or status == 401:
        return _key_refused(words, access)
    if status == 404 and "coin not found" in words.message:
        return Unknown("CoinGecko knows no coin of that id: find it with its symbol or name", **COIN)
    if status == 400 and "vs_currency" in words.message:
        return Invalid(
            "CoinGecko has no prices in that currency: ask for usd, eur, btc or another of its own", **CURRENCY
        )
    return Unavailable(
        f"CoinGecko answered {_status(status, words)}: check COINGECKO_URL where it is set; try again later",
        code="source_unavailable",
    )


def asked_to_wait(headers: httpx.Headers, *, at: datetime) -> float | None:
    """Seconds by Retry-After, or by x-ratelimit-reset, which is a date in words; None where neither says so."""
    waits = retry_after(headers.get("retry-after", ""), at=at), _reset(headers.get("x-ratelimit-reset", ""), at)
    return next((max(0.0, seconds) for seconds in waits if seconds is not None), None)


def _trouble(response: httpx.Response, words: Said, *, at: datetime) -> InTroubleError:
    after = asked_to_wait(response.headers, at=at)
    if response.status_code == 429:
        return InTroubleError("CoinGecko has had more calls than it allows", code="rate_limited", after=after)
    return InTroubleError(f"CoinGecko answered {_status(response.status_code, words)}", after=after)


def _too_old(words: Said) -> Refused:
    return Refused(
        f"CoinGecko gives the past 365 days without a paid plan ('{words.message}'): ask for later candles, or bring "
        "the older ones from a CSV file or an exchange",
        code="history_limit",
        field="since",
    )


def _key_refused(words: Said, access: Access) -> Refused:
    return Refused(
        f"CoinGecko refused {access.kind} ('{words.message}'): check COINGECKO_API_KEY, and that COINGECKO_KEY_KIND is "
        "its kind",
        code="key_refused",
        field="COINGECKO_API_KEY",
        evidence={"error_code": words.code},
    )


def _status(status: int, words: Said) -> str:
    return f"{status} ('{words.message}')" if words.message else str(status)


def _reset(text: str, at: datetime) -> float | None:
    try:
        return (datetime.strptime(text.strip(), "%Y-%m-%d %H:%M:%S %z") - at).total_seconds()
    except ValueError:
        return None


def _mapping(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}
