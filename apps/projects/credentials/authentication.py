"""Who calls the API with `Authorization: Bearer m6_...`. Twenty bad tokens a minute from one address, then 429."""

import structlog
from django.contrib.auth.models import User
from django.core.cache import cache
from redis.exceptions import RedisError
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from apps.projects.credentials import tokens
from apps.projects.credentials.models import AccessToken
from apps.projects.queries import bind
from meshsix.kit import clock
from meshsix.web.addresses import client_address

log = structlog.get_logger()

BAD_A_MINUTE = 20
_MINUTE = 60
_PARTS = 2


class AccessTokenAuthentication(BaseAuthentication):
    """Signs in the token's owner; `request.auth` is the token's row."""

    def authenticate(self, request: Request) -> tuple[User, AccessToken] | None:
        """Return owner and token, None without a bearer token. Raises AuthenticationFailed or Throttled."""
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != b"bearer":
            return None
        plaintext = parts[1].decode("latin-1") if len(parts) == _PARTS else ""
        row = tokens.verify(plaintext)
        if row is None:
            count_bad(client_address(request._request))  # noqa: SLF001 - DRF's own way to Django's request
            raise AuthenticationFailed
        bind(row.owner, row.projects)
        return row.owner, row

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 - DRF's signature
        """Return the challenge that makes a failure a 401."""
        return 'Bearer realm="mesh-six"'


def count_bad(address: str) -> None:
    """Count one more bad token; raise Throttled where that is too many. A good token from there still works."""
    moment = int(clock.now().timestamp())
    key = f"bad-tokens:{address}:{moment // _MINUTE}"
    try:
        cache.add(key, 0, timeout=2 * _MINUTE)
        count = cache.incr(key)
    except (RedisError, ValueError):  # the count may get lost; the token is bad all the same
        log.warning("bad tokens are not counted: no cache")
        return
    if count > BAD_A_MINUTE:
        raise Throttled(wait=_MINUTE - moment % _MINUTE)
