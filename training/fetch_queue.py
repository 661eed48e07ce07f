"""The door to those who fetch candles, for those who must not wait for a provider."""

from datetime import datetime, timedelta

from celery import current_app
from kombu.exceptions import OperationalError

from cryptoml_site.clock import now
from cryptoml_site.errors import Unavailable
from training.models import Market

FETCH = "data.fetch_market"
FOLLOW = "data.follow_markets"
EVERY = timedelta(minutes=1)  # how often the due markets are looked for
VOID = 50  # seconds after which a message that nobody took is void: the next look sends another
SHORT = timedelta(minutes=15)  # candles of less, whose forecasts cannot wait for the next minute


def enqueue_fetch(market: Market, *, at: datetime | None = None) -> None:
    """At once, or at a moment of the coming minute. Raises Unavailable while the broker is away."""
    wait = max(0.0, (at - now()).total_seconds()) if at else 0.0
    try:
        current_app.send_task(FETCH, [market.pk], countdown=wait, expires=wait + VOID)
    except OperationalError:
        raise Unavailable(
            "Valkey does not answer, so nothing was queued; what is due is queued by itself once it does",
            code="broker_away",
        ) from None


def enqueue_due_fetches() -> int:
    """Each market whose source is to be asked before the next look, when it is to be asked; how many that are."""
    due = list(Market.objects.due_for_fetch(now() + EVERY).select_related("fetch_state"))
    for market in due:
        state = getattr(market, "fetch_state", None)
        enqueue_fetch(market, at=state.next_at if state else None)
    return len(due)


def enqueue_forecasts(market: Market) -> None:
    """Of the candle that came just now, where the next minute would be too late for it."""
    if market.step < SHORT:
        current_app.send_task(FOLLOW, expires=VOID)
