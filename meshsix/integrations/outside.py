"""Going to addresses that people or pages name, and to none inside: no private network, no loopback, no link-local.

A host is looked up once and the connection goes to what was found, so that a name cannot mean something else a moment
later. TLS is verified for the name. Redirects pass here again, hop by hop.
"""

import ipaddress
import socket
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address

import httpx

from meshsix.integrations.errors import Refused, TryLater

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Outside(httpx.BaseTransport):
    """A transport of httpx that reaches public addresses alone.

    `hosts` are exceptions, as `host` or `host:port`: they may be private, and be reached without TLS where others may
    not (`tls_only`). Raises Refused `{vendor}:not-allowed` where it will not go, TryLater where a name is not known.
    """

    def __init__(self, *, vendor: str, hosts: Collection[str] = (), tls_only: bool, hint: str) -> None:
        self._vendor, self._hosts, self._tls_only, self._hint = vendor, frozenset(hosts), tls_only, hint
        # A connection serves one request: two names may share an address, and each is verified for itself.
        self._through = httpx.HTTPTransport(limits=httpx.Limits(max_keepalive_connections=0))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request if its host may be reached."""
        url = request.url
        if url.scheme not in {"http", "https"} or not url.host:
            raise self._refusal("only http and https are spoken")
        if self._is_excepted(url):
            return self._through.handle_request(request)
        if self._tls_only and url.scheme != "https":
            raise self._refusal("it must be an https address")
        return self._through.handle_request(_pinned(request, self._public_address(url)))

    def close(self) -> None:
        """Close the connections."""
        self._through.close()

    def _is_excepted(self, url: httpx.URL) -> bool:
        return url.host in self._hosts or f"{url.host}:{_port(url)}" in self._hosts

    def _public_address(self, url: httpx.URL) -> str:
        try:
            found = socket.getaddrinfo(url.host, _port(url), type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise TryLater(
                f"{self._vendor}: no address is known for the host.", vendor=self._vendor, hint="Check the name."
            ) from error
        addresses = [str(each[4][0]) for each in found]
        if not addresses or not all(is_public(each) for each in addresses):
            raise self._refusal("it leads into a private network")
        return addresses[0]

    def _refusal(self, why: str) -> Refused:
        return Refused(
            f"{self._vendor}: the address is not used: {why}.",
            code=f"{self._vendor}:not-allowed",
            vendor=self._vendor,
            hint=self._hint,
        )


def _port(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def is_public(address: str) -> bool:
    """Return whether an IP address is one of the open internet, also where it is wrapped into an IPv6 one."""
    found = ipaddress.ip_address(address.partition("%")[0])
    return all(each.is_global and not each.is_multicast for each in (found, *_wrapped(found)))


def _wrapped(address: IPv4Address | IPv6Address) -> tuple[IPv4Address, ...]:
    if isinstance(address, IPv4Address):
        return ()
    inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        inner.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return tuple(each for each in inner if each is not None)


def _pinned(request: httpx.Request, address: str) -> httpx.Request:
    """Return the request to this very address; `Host` and the name for TLS stay those of the request."""
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": request.url.host},
    )
