"""Valkey or Redis: rate limits and the queues of tasks lie in it."""

from typing import Any

from django.conf import settings
from redis import Redis, RedisError

from cryptoml_site.doctor.findings import Findings, bad, ok

ABOUT = "Valkey"
PATIENCE = 3.0  # seconds


def examine_valkey() -> Findings:
    try:
        with Redis.from_url(settings.REDIS_URL, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE) as valkey:
            facts: dict[str, Any] = valkey.info()
    except (RedisError, ValueError) as error:
        yield bad(
            ABOUT,
            f"it does not answer: {type(error).__name__}",
            "start it, or correct REDIS_URL; predictions are answered without it, tasks wait",
        )
        return
    version = facts.get("valkey_version") or facts.get("redis_version", "?")
    policy, most = facts.get("maxmemory_policy", "?"), facts.get("maxmemory", 0)
    told = f"{version}, {facts.get('used_memory', 0):,} bytes used of {f'{most:,}' if most else 'all'}, {policy}"
    if facts.get("role") not in ("master", None):
        yield bad(ABOUT, f"{told}; a replica, which takes no writes", "name the primary in REDIS_URL")
    elif most and policy != "noeviction":
        yield bad(ABOUT, f"{told}: tasks that wait are thrown away when it is full", "set maxmemory-policy noeviction")
    else:
        yield ok(ABOUT, told)
