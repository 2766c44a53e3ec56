"""Whether a delivery was signed with one of our secrets. Pure.

https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

import hashlib
import hmac
from collections.abc import Iterable

PREFIX = "sha256="
NOBODY = b"nobody knows this secret, so that an unknown hook costs the same time as a known one"


def sign(body: bytes, secret: bytes) -> str:
    """Return the value of X-Hub-Signature-256 for these raw bytes."""
    return PREFIX + hmac.new(secret, body, hashlib.sha256).hexdigest()


def is_signed(body: bytes, signature: str, secrets: Iterable[bytes]) -> bool:
    """Return whether one of the secrets made the signature; compares in constant time and tries all of them."""
    given, known = signature.encode("utf-8", "replace"), tuple(secrets)
    tried = [hmac.compare_digest(sign(body, secret).encode(), given) for secret in known or (NOBODY,)]
    return any(tried) and bool(known)
