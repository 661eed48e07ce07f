"""Variables of the environment, each refused in one sentence that names it when it says what no setting can be."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

POSTGRES = ("postgres", "postgresql", "psql", "pgsql")
WORDS = {
    **dict.fromkeys(("true", "on", "ok", "yes", "y", "1"), True),
    **dict.fromkeys(("false", "off", "no", "n", "0"), False),
}
LOCAL_MAIL = ("consolemail", "filemail", "memorymail", "dummymail")
TOKEN = re.compile(r"[!-~]+")
BUCKET = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/([\w.-]+(?:/[\w.-]+)*))?/?", re.ASCII)
NEEDS_A_KEY = ("registry:write", "registry:override")


@dataclass(frozen=True)
class CheckedEnv:
    """Each method raises ImproperlyConfigured for a wrong value; one that is empty counts as absent."""

    variables: Mapping[str, str]

    def given(self, name: str) -> bool:
        return bool(self.variables.get(name))

    def whole_number(self, name: str, *, default: int, least: int = 1, most: int | None = None) -> int:
        """From `least` up, to `most` where one is given."""
        text = self.variables.get(name) or str(default)
        bounds = f"from {least} to {most}" if most else f"of {least} or more"
        wrong = ImproperlyConfigured(f"{name} is '{text}': set it to a whole number {bounds}")
        try:
            number = int(text)
        except ValueError:
            raise wrong from None
        if number < least or (most is not None and number > most):
            raise wrong
        return number

    def seconds(self, name: str, *, default: float) -> float:
        """More than nothing, a day at most."""
        text = self.variables.get(name) or str(default)
        try:
            number = float(text)
        except ValueError:
            number = 0.0
        if not 0 < number <= 86_400:
            raise ImproperlyConfigured(f"{name} is '{text}': set it to seconds, such as {default:g}")
        return number

    def choice(self, name: str, *, default: str, among: Collection[str]) -> str:
        text = self.variables.get(name) or default
        if text not in among:
            raise ImproperlyConfigured(f"{name} is '{text}': set it to {' or '.join(among)}")
        return text

    def boolean(self, name: str, *, default: bool) -> bool:
        text = self.variables.get(name) or str(default)
        answer = WORDS.get(text.strip().lower())
        if answer is None:
            raise ImproperlyConfigured(f"{name} is '{text}': set it to true or false")
        return answer

    def token(self, name: str) -> str:
        """A secret that goes into a header; "" where the variable is absent. The sentence leaves it out."""
        text = self.variables.get(name, "").strip()
        if text and not TOKEN.fullmatch(text):
            raise ImproperlyConfigured(f"{name} is no key: it has spaces or letters that no key has; copy it again")
        return text

    def url(self, name: str) -> str:
        """The root of an HTTP service, without a slash at its end; "" where the variable is absent."""
        text = self.variables.get(name, "").strip()
        if not text:
            return ""
        wrong = ImproperlyConfigured(f"{name} is no address of a service: set it to https://HOST/PATH")
        try:
            parts = urlsplit(text)
            rooted = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            raise wrong from None
        if not rooted or parts.username or parts.password or parts.query or parts.fragment or len(text.split()) > 1:
            raise wrong
        return text.rstrip("/")

    def origin(self, name: str) -> str:
        """Where a site is reached, https://HOST or https://HOST:PORT; "" where the variable is absent."""
        text = self.url(name)
        parts = urlsplit(text)
        if parts.path:
            raise ImproperlyConfigured(f"{name} has the path {parts.path}: leave it out, a site answers at its root")
        return f"{parts.scheme}://{parts.netloc}".lower() if text else ""

    def secret(self, name: str) -> str:
        """As it stands, for django-environ takes one with a $ at its head for the name of another; "" where absent."""
        return self.variables.get(name, "").strip()

    def secret_url(self, name: str) -> str:
        """A whole address that may hold a secret, which the sentence leaves out; "" where the variable is absent."""
        text = self.variables.get(name, "").strip()
        wrong = ImproperlyConfigured(f"{name} is no address: set it to https://HOST/PATH, or leave it out")
        try:
            parts = urlsplit(text)
            whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            raise wrong from None
        if text and (not whole or "@" in parts.netloc or len(text.split()) > 1):
            raise wrong
        return text

    def mail(self, name: str) -> str:
        """How mail is sent, in django-environ's spelling; "" where the variable is absent. It holds a password."""
        text = self.variables.get(name, "").strip()
        scheme = text.partition("://")[0]
        try:
            named = scheme in LOCAL_MAIL or bool(urlsplit(text).hostname and urlsplit(text).port != 0)
        except ValueError:
            named = False
        if text and (scheme not in environ.Env.EMAIL_SCHEMES or not named):
            raise ImproperlyConfigured(
                f"{name} names no mail server: set it to smtp+tls://USER:PASSWORD@HOST:587, or leave it out"
            )
        return text

    def bucket(self, name: str) -> tuple[str, str] | None:
        """Of S3, and the path in it; None where the variable is absent."""
        text = self.variables.get(name, "").strip()
        found = BUCKET.fullmatch(text)
        if text and not found:
            raise ImproperlyConfigured(f"{name} is '{text}': set it to s3://BUCKET or s3://BUCKET/PATH")
        return (found[1], found[2] or "") if found else None

    def dsn(self, name: str) -> str:
        """Where Sentry takes errors; "" where the variable is absent. It holds a key, so the sentence leaves it out."""
        text = self.variables.get(name, "").strip()
        wrong = ImproperlyConfigured(f"{name} is no DSN: copy it from Sentry, https://KEY@HOST/PROJECT")
        try:
            parts = urlsplit(text)
            whole = parts.scheme in ("http", "https") and parts.hostname and parts.username and parts.port != 0
        except ValueError:
            raise wrong from None
        if text and not (whole and parts.path.rpartition("/")[2].isdecimal()):
            raise wrong
        return text

    def folder(self, name: str) -> Path | None:
        """An absolute path; None where the variable is absent."""
        text = self.variables.get(name)
        if not text:
            return None
        if not Path(text).is_dir():
            raise ImproperlyConfigured(f"{name} is '{text}', which is no folder: name one, or leave the variable out")
        return Path(text).absolute()

    def postgres(self, name: str, *, default: str) -> dict[str, Any]:
        """Django's settings of that database. The sentence leaves the URL out, for it holds a password."""
        url = self.variables.get(name) or default
        wrong = ImproperlyConfigured(
            f"{name} names no Postgres, which is the one engine that there is: set it to "
            "postgres://USER:PASSWORD@HOST:PORT/DATABASE, or leave it out for the embedded one"
        )
        if url.partition("://")[0] not in POSTGRES:
            raise wrong
        try:
            database: dict[str, Any] = environ.Env.db_url_config(url)
        except ValueError:
            raise wrong from None
        return database

    def owner(self, name: str, *, of: str, default: str) -> dict[str, Any] | None:
        """Who migrates the database that the variable `of` names; None where that is the application's own role."""
        if self.variables.get(name) and not self.variables.get(of):
            raise ImproperlyConfigured(f"{name} is set and {of} is not: set both, or neither for the embedded Postgres")
        if self.variables.get(of) and not self.variables.get(name):
            return None
        owner = self.postgres(name, default=default)
        if self.variables.get(of) and owner["USER"] == self.postgres(of, default="")["USER"]:
            raise ImproperlyConfigured(
                f"{name} and {of} name the same role: name the one that owns the tables in {name}, or leave it out"
            )
        return owner

    def valkey(self, name: str, *, default: str) -> str:
        """Where Valkey or Redis listens. The sentence leaves the URL out, for it may hold a password."""
        text = self.variables.get(name, "").strip() or default
        wrong = ImproperlyConfigured(
            f"{name} names no Valkey: set it to redis://:PASSWORD@HOST:PORT/0, its / # and ? "
            "written as %2F %23 and %3F, or leave it out for the embedded one"
        )
        try:
            parts = urlsplit(text)
            named = parts.path if parts.scheme == "unix" else parts.hostname and parts.port != 0
        except ValueError:
            raise wrong from None
        if parts.scheme not in ("redis", "rediss", "unix") or not named:
            raise wrong
        return text

    def anonymous_scopes(self, name: str, *, known: Collection[str]) -> frozenset[str]:
        """What everybody may do without a key: never what changes which model answers."""
        chosen = frozenset(filter(None, map(str.strip, self.variables.get(name, "").split(","))))
        if held := chosen.intersection(NEEDS_A_KEY):
            raise ImproperlyConfigured(f"{name} holds {', '.join(sorted(held))}, which needs a key: leave it out")
        if strangers := sorted(chosen - set(known)):
            choices = ", ".join(scope for scope in known if scope not in NEEDS_A_KEY)
            raise ImproperlyConfigured(f"{name} holds {', '.join(strangers)}: choose from {choices}")
        return chosen
