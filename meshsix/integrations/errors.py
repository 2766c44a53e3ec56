"""What can go wrong with a vendor, ordered by who must act. Clients raise these and nothing else.

The step engine understands the same words: `TryLater` is tried again, `Refused` ends the run with its code and hint.
"""

from datetime import timedelta


class VendorError(Exception):
    """A vendor did not do what was asked.

    `vendor` is the package's name; `status` the HTTP status, None without an answer; `request_id` what the vendor's
    support would ask for; `hint` tells a person what to do.
    """

    def __init__(
        self,
        message: str,
        *,
        vendor: str = "",
        status: int | None = None,
        request_id: str | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message)
        self.vendor = vendor
        self.status = status
        self.request_id = request_id
        self.hint = hint


class TryLater(VendorError):  # noqa: N818 - reads as a word of the domain
    """It may work later: after `pause`, or after the step's own backoff where `pause` is None.

    `counts` is False where waiting is the vendor's wish (rate limits, an operation in progress): such a pause is no
    failed attempt.
    """

    def __init__(
        self,
        message: str,
        *,
        pause: timedelta | None = None,
        counts: bool = True,
        vendor: str = "",
        status: int | None = None,
        request_id: str | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, vendor=vendor, status=status, request_id=request_id, hint=hint)
        self.pause = pause
        self.counts = counts


class Conflict(TryLater):
    """Somebody changed the thing between our look and our write: look again, then decide again."""


class Refused(VendorError):  # noqa: N818 - reads as a word of the domain
    """The vendor will not do it however often it is asked; a person must act.

    `code` is stable and machine-readable, for example `github:forbidden`.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        vendor: str = "",
        status: int | None = None,
        request_id: str | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, vendor=vendor, status=status, request_id=request_id, hint=hint)
        self.code = code


class Missing(Refused):
    """The thing does not exist, or we may not see it. Only a vendor's clear answer (404) means this."""


def worded(error: Exception) -> str:
    """Return what a person reads of an error: a vendor's own words; of one that nobody expected, its kind too."""
    return str(error) if isinstance(error, VendorError) else f"{type(error).__name__}: {error}"
