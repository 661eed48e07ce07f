"""When a market's source is asked again."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models

from cryptoml_site.clock import now
from training.models.market import Market

LATEST = timedelta(minutes=10)  # after its close, by which any provider shows a day
PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)


def shown_at(market: Market, opened_at: datetime) -> datetime:
    """When it is worth asking for the candle that opened then: a provider shows it a little after its close."""
    return market.known_at(opened_at) + min(market.step / 60, LATEST)


def pause(vain: int) -> timedelta:
    """After so many questions in a row that brought nothing: a minute, two, four, up to an hour.

    >>> [pause(vain) // timedelta(minutes=1) for vain in (0, 1, 2, 3, 7, 99)]
    [0, 1, 2, 4, 60, 60]
    """
    return min(PAUSE * 2 ** min(vain - 1, 10), LONGEST_PAUSE) if vain else timedelta()


class FetchState(models.Model):
    """How it went when a market's source was asked last, and when it is asked again."""

    market = models.OneToOneField(Market, models.CASCADE, related_name="fetch_state")
    asked_at = models.DateTimeField(default=now)
    answered_at = models.DateTimeField(null=True, help_text="When the source gave an answer last.")
    error = models.TextField(blank=True, help_text="Why it gave none the last time.")
    vain = models.PositiveIntegerField(default=0, help_text="How often in a row a candle was due and none came.")
    next_at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return f"{self.market.name} asked {self.asked_at:%Y-%m-%d %H:%M:%S}"

    def answered(self, *, inserted: int) -> None:
        """The source gave what it has: `inserted` candles that were not held."""
        due = self._due()
        in_vain = not inserted and due <= now()
        self._record(error="", vain=self.vain + 1 if in_vain else 0, due=due, answered_at=now())

    def failed(self, error: str) -> None:
        self._record(error=error, vain=self.vain + 1, due=self._due(), answered_at=self.answered_at)

    def _due(self) -> datetime:
        """When the source will show the candle after the newest one held; at once where none is held."""
        newest = self.market.newest()
        return shown_at(self.market, newest + self.market.step) if newest else now()

    def _record(self, *, error: str, vain: int, due: datetime, answered_at: datetime | None) -> None:
        self.asked_at, self.answered_at, self.error, self.vain = now(), answered_at, error, vain
        self.next_at = max(due, self.asked_at + pause(vain))
        self.save()
