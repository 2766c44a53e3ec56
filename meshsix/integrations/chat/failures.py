"""What a chat's answer means. No message repeats the address, which is a secret, or the body."""

import httpx

from meshsix.integrations.errors import Missing, Refused, TryLater, VendorError
from meshsix.integrations.http import retry_after


class Unanswered(TryLater):
    """The post was sent and no answer came: it may have arrived."""


def of_transport(vendor: str, error: httpx.TransportError) -> TryLater:
    """Return what a failure without an answer means; only where no connection was made, nothing was sent."""
    never_sent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    kind = TryLater if never_sent else Unanswered
    return kind(
        f"No answer from {vendor} to a post: {type(error).__name__}.",
        vendor=vendor,
        hint=f"Check the network between here and {vendor}.",
    )


def of_answer(vendor: str, answer: httpx.Response) -> VendorError:
    """Return what an answer other than 2xx means."""
    status, message = answer.status_code, f"{vendor} answered {answer.status_code} to a post."
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return TryLater(message, pause=retry_after(answer), counts=False, vendor=vendor, status=status)
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return TryLater(message, pause=retry_after(answer), vendor=vendor, status=status)
    if status == httpx.codes.NOT_FOUND:
        hint = f"The webhook is gone: make a new one at {vendor} and put its address into Vault."
        return Missing(message, code=f"{vendor}:missing", vendor=vendor, status=status, hint=hint)
    hint = f"Look at the webhook at {vendor}; its address in Vault may be wrong."
    return Refused(message, code=f"{vendor}:refused", vendor=vendor, status=status, hint=hint)


def bad_address(vendor: str) -> Refused:
    """Return the error of what is no address at all."""
    hint = f"Put the address of the webhook at {vendor} into Vault, as it stands there."
    return Refused(f"What is kept for {vendor} is no address.", code=f"{vendor}:bad-address", vendor=vendor, hint=hint)
