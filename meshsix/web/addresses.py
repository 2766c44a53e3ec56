"""Where a request comes from, when proxies stand between: only those of settings.TRUSTED_PROXIES are believed."""

from ipaddress import ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """Return the client's address: the last one in X-Forwarded-For that is not a trusted proxy's."""
    address = str(request.META.get("REMOTE_ADDR", ""))
    forwarded = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    while forwarded and _trusted(address):
        address = forwarded.pop()
    return address


def _trusted(address: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in ip_network(network, strict=False) for network in settings.TRUSTED_PROXIES)
