"""How CoinGecko is reached: each kind of key has a host and a header of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from django.conf import settings

from training.market_data.sources.pace import Pace, pace_of

PUBLIC = "https://api.coingecko.com/api/v3"
PAID = "https://pro-api.coingecko.com/api/v3"


@dataclass(frozen=True)
class Access:
    """Where to ask, with which key; none is keyless. calls_per_minute: of all processes together."""

    url: str
    key: str
    pro: bool
    calls_per_minute: int

    @classmethod
    def by_settings(cls) -> Self:
        key = settings.COINGECKO_API_KEY
        pro = bool(key) and settings.COINGECKO_KEY_KIND == "pro"
        return cls(settings.COINGECKO_URL or (PAID if pro else PUBLIC), key, pro, settings.COINGECKO_RATE_LIMIT)

    def __repr__(self) -> str:
        """Without the key, which a traceback would show."""
        return f"Access({self.url}, {self.kind})"

    @property
    def kind(self) -> str:
        return "a call without a key" if not self.key else "a pro key" if self.pro else "a demo key"

    @property
    def headers(self) -> dict[str, str]:
        """In a header, for what is in a URL ends up in logs."""
        named = {"x-cg-pro-api-key" if self.pro else "x-cg-demo-api-key": self.key} if self.key else {}
        return {"Accept": "application/json", "User-Agent": "CryptoML", **named}

    @property
    def history_is_limited(self) -> bool:
        """To the past 365 days, as on all plans without a fee."""
        return not self.pro

    def without_key(self, text: str) -> str:
        """A provider's words may repeat what it was sent."""
        return text.replace(self.key, "(your key)") if self.key else text

    def pace(self, monotonic: Callable[[], float]) -> Pace:
        """The same for all who share the host and the key. monotonic: seconds."""
        name = "coingecko:" + sha256(f"{self.url} {self.key}".encode()).hexdigest()[:12]
        limit, valkey_url = self.calls_per_minute, settings.REDIS_URL
        return pace_of(name, limit=limit, valkey_url=valkey_url, monotonic=monotonic)
