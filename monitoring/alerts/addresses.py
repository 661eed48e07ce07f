"""Which addresses nobody may have this site ask: whoever sets a webhook must not reach into our own network by it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from socket import inet_aton
from urllib.parse import urlsplit

from django.conf import settings

from cryptoml_site.errors import Invalid

PORTS = {"http": 80, "https": 443}
_PLAIN = re.compile(r"[!-~]+")  # no spaces, no control characters, nothing that is not ASCII
_HOST = re.compile(r"[A-Za-z0-9._:%-]+")
_NAT64 = IPv6Network("64:ff9b::/96")  # an IPv4 address in its last four bytes


class Forbidden(Invalid):
    """An address that is refused."""

    code = "private_address"


@dataclass(frozen=True)
class Target:
    """Where something is posted. host: lower case, without brackets. path: with its query."""

    scheme: str
    host: str
    port: int
    path: str
    trusted: bool = False  # from the settings, not from a form

    @classmethod
    def parse(cls, url: str) -> Target:
        """Raises Invalid, with a sentence that leaves the address out: it may be a secret."""
        if not _PLAIN.fullmatch(url) or "\\" in url:
            raise _wrong("it has spaces, a backslash or letters that no address has: write it as https://HOST/PATH")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise _wrong("it cannot be read: write it as https://HOST/PATH") from None
        if parts.scheme not in PORTS or not parts.hostname or not _HOST.fullmatch(parts.hostname) or port == 0:
            raise _wrong("write it as https://HOST/PATH")
        if "@" in parts.netloc:
            raise _wrong("it holds a name or password before the host: leave that out")
        path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        return cls(parts.scheme, parts.hostname.lower(), port or PORTS[parts.scheme], path)

    @property
    def allowed_private(self) -> bool:
        return self.trusted or self.host in settings.ALERT_PRIVATE_HOSTS

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    def refuse_what_is_private_by_name(self) -> None:
        """What can be told without asking any name server. Raises Forbidden."""
        if self.allowed_private:
            return
        name = self.host.rstrip(".")
        if name == "localhost" or name.endswith(".localhost"):
            raise forbidden(self.host, "this machine")
        literal = _literal(name)
        if literal is not None:
            refuse_private(literal, self.host)

    def refuse_private(self, address: str) -> None:
        """One that the host's name leads to. Raises Forbidden."""
        if not self.allowed_private:
            refuse_private(ip_address(address), self.host)


def refuse_private(address: IPv4Address | IPv6Address, host: str) -> None:
    if not is_public(address):
        raise forbidden(host, str(address))


def forbidden(host: str, leads_to: str) -> Forbidden:
    which = "is" if host == leads_to else f"leads to {leads_to}, which is"
    return Forbidden(f"{host} {which} no public address: it is refused, unless ALERT_PRIVATE_HOSTS names it")


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether it belongs to the internet at large: one host in it, and none of ours.

    >>> [is_public(ip_address(text)) for text in ("93.184.215.14", "10.0.0.1", "169.254.169.254", "100.64.0.1", "::1")]
    [True, False, False, False, False]
    >>> [is_public(ip_address(text)) for text in ("::ffff:127.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::")]
    [False, False, False]
    """
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(inner)
        if address.is_site_local:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _literal(name: str) -> IPv4Address | IPv6Address | None:
    """The address that the name itself says, 0x7f.1 and 2130706433 too; None for a name."""
    try:
        return ip_address(name)
    except ValueError:
        pass
    try:
        return IPv4Address(inet_aton(name))
    except (OSError, ValueError):
        return None


def _wrong(what_to_do: str) -> Invalid:
    return Invalid(f"this is no address that can be posted to: {what_to_do}", code="bad_url", field="url")
