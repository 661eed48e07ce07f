"""What no site may be that others reach: with CRYPTOML_ENV=production it does not start, and says why in a sentence."""

import zlib
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

SHORTEST_SECRET = 50  # characters, as Django's own check has it
LEAST_INFORMATION = 36  # bytes that zlib makes of it: 50 random digits keep 38, a word said five times 18
OF_ONE_NETWORK = (".internal", ".local", ".lan", ".localdomain", ".home.arpa")
IN_THE_PLACE_OF_A_PASSWORD = ("passfile", "service", "sslcert", "password")  # libpq's own ways to prove who asks
MAKE_A_SECRET = "python -c 'import secrets; print(secrets.token_urlsafe(48))'"  # noqa: S105  # nosec B105


def refuse_unsafe(
    *,
    debug: bool,
    secret_key: str,
    hosts: Sequence[str],
    databases: Mapping[str, dict[str, Any] | None],
    public_url: str,
    allow_http: bool,
) -> None:
    """Raises ImproperlyConfigured. databases: by the variable that names each; None where it is not set."""
    _refuse_databases(databases)
    if debug:
        raise ImproperlyConfigured("DEBUG is true, which shows source code to whoever meets an error: leave it out")
    _refuse_secret(secret_key)
    for host in hosts:
        if host == "*" or (host.startswith(".") and "." not in host[1:]):
            raise ImproperlyConfigured(f"ALLOWED_HOSTS holds '{host}', which is any name: name those that are yours")
    _refuse_url(public_url, allow_http=allow_http)


def _refuse_databases(databases: Mapping[str, dict[str, Any] | None]) -> None:
    if databases["DATABASE_URL"] is None:
        raise ImproperlyConfigured(
            "DATABASE_URL is not set: name your Postgres in it, or start everything with `docker compose up`"
        )
    for name, database in databases.items():
        if database is not None and not _proves_itself(database) and _is_public(host := _host(database)):
            raise ImproperlyConfigured(
                f"{name} has no password for {host}, which others reach: give its role one, and name it as "
                "in postgres://USER:PASSWORD@HOST:PORT/DATABASE"
            )


def _proves_itself(database: dict[str, Any]) -> bool:
    return bool(database.get("PASSWORD") or set(database.get("OPTIONS", {})).intersection(IN_THE_PLACE_OF_A_PASSWORD))


def _host(database: dict[str, Any]) -> str:
    """Where libpq goes: what the URL's query says comes before what stands before its path."""
    options = database.get("OPTIONS", {})
    return str(options.get("hostaddr") or options.get("host") or database.get("HOST") or "")


def _is_public(host: str) -> bool:
    """Whether others may reach it. A socket, a private address and a name of one network alone are not public."""
    host = host.strip("[]")
    if not host or host.startswith(("/", "%")):
        return False
    try:
        return ip_address(host).is_global
    except ValueError:
        return "." in host and not host.lower().rstrip(".").endswith(OF_ONE_NETWORK)


def _refuse_secret(secret_key: str) -> None:
    """The sentence leaves it out."""
    if not secret_key:
        fault = "is not set"
    elif secret_key.startswith("django-insecure-"):
        fault = "is one that Django makes for development"
    elif len(secret_key) < SHORTEST_SECRET:
        fault = f"has {len(secret_key)} characters, fewer than {SHORTEST_SECRET}"
    elif len(set(secret_key)) < 8 or len(zlib.compress(secret_key.encode(), 9)) < LEAST_INFORMATION:
        fault = "can be guessed, for it repeats itself"
    else:
        return
    raise ImproperlyConfigured(f"SECRET_KEY {fault}: set it to what `{MAKE_A_SECRET}` prints")


def _refuse_url(public_url: str, *, allow_http: bool) -> None:
    if not public_url:
        raise ImproperlyConfigured("PUBLIC_URL is not set: set it to the address of this site, https://HOST")
    if urlsplit(public_url).scheme != "https" and not allow_http:
        raise ImproperlyConfigured(
            f"PUBLIC_URL is {public_url}, over which others can read passwords and keys: set it to https://HOST, or "
            "ALLOW_HTTP=true where only a network of your own carries it"
        )
