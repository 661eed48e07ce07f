"""From where a request came: what the last proxy of ours saw, never what the client says of itself."""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from django.conf import settings
from django.http import HttpRequest


def address_of(sent: Mapping[str, Any]) -> str:
    """sent: the WSGI environ. Of IPv6 the network, for one household holds as many addresses as it likes."""
    proxies: int = settings.TRUSTED_PROXIES
    peer: str = sent.get("REMOTE_ADDR", "")
    passed = [each.strip() for each in sent.get("HTTP_X_FORWARDED_FOR", "").split(",")] if proxies else []
    told = passed[-proxies] if proxies and len(passed) >= proxies else peer  # each proxy adds what it saw at the end
    return _counted(told) or _counted(peer)


def address_of_request(request: HttpRequest) -> str | None:
    """AXES_CLIENT_IP_CALLABLE."""
    return address_of(request.META) or None


def _counted(text: str) -> str:
    """As it is counted; "" where it is no address."""
    try:
        address: IPv4Address | IPv6Address = ip_address(text)
    except ValueError:
        return ""
    if isinstance(address, IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((int(address), 64), strict=False).network_address)
