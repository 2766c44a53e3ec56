"""One exchange over HTTP by httpx, without retries, with every failure in our words. For vendors without a library."""

import ssl
from collections.abc import Mapping, Sequence
from datetime import timedelta

import httpx

from meshsix.integrations.errors import Missing, Refused, TryLater, VendorError

Json = Mapping[str, object] | Sequence[object]

_REQUEST_IDS = ("request-id", "x-request-id", "x-litellm-call-id")
_LONGEST_PAUSE = timedelta(hours=1)


class Http:
    """One vendor's address with the headers that each request carries.

    Redirects are not followed: an answer that sends us elsewhere is not the vendor's, and the headers hold a secret.
    TLS is always verified: by the system's authorities, or by those in the PEM file `ca_file`; where that is of no use,
    making one raises Refused.
    """

    def __init__(
        self, *, vendor: str, base_url: str, timeout: timedelta, headers: Mapping[str, str], ca_file: str = ""
    ) -> None:
        self._vendor = vendor
        self._client = httpx.Client(
            base_url=base_url,
            timeout=timeout.total_seconds(),
            headers=dict(headers),
            follow_redirects=False,
            verify=_authorities(vendor, ca_file) if ca_file else True,
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        json: Json | None = None,
        form: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        label: str = "",
    ) -> httpx.Response:
        """Return the answer whatever its status. Raises TryLater where there is none.

        `label` stands in the error in place of a path that is a secret.
        """
        try:
            return self._client.request(method, path, json=json, data=form, params=params, headers=headers)
        except httpx.TransportError as error:
            raise TryLater(
                f"No answer from {error.request.url.host} to {method} {label or path}: {type(error).__name__}.",
                vendor=self._vendor,
                hint=f"Check the address of {self._vendor} and the network between here and there.",
            ) from error

    def ask(
        self,
        method: str,
        path: str,
        *,
        json: Json | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> object:
        """Return the JSON of a 2xx answer, None of an empty one. Raises TryLater, Missing or Refused otherwise."""
        answer = self.send(method, path, json=json, params=params, headers=headers)
        if not answer.is_success:
            raise self.failure(answer, f"{method} {path}")
        return self.content(answer)

    def content(self, answer: httpx.Response) -> object:
        """Return the JSON of an answer, None of an empty one. Raises TryLater where it is no JSON."""
        if not answer.content:
            return None
        try:
            return answer.json()
        except ValueError as error:
            raise TryLater(
                f"{self._vendor} answered {answer.status_code} with something that is not JSON.",
                vendor=self._vendor,
                status=answer.status_code,
                hint=f"Check that the address of {self._vendor} really leads to it.",
            ) from error

    def failure(self, answer: httpx.Response, what: str) -> VendorError:
        """Return the error that an answer other than 2xx means. It never repeats the body: that may hold a secret."""
        status, request_id = answer.status_code, _request_id(answer)
        message = f"{self._vendor} answered {status} to {what}."
        if status == httpx.codes.TOO_MANY_REQUESTS:
            return TryLater(
                message,
                pause=retry_after(answer),
                counts=False,
                vendor=self._vendor,
                status=status,
                request_id=request_id,
            )
        if status >= httpx.codes.INTERNAL_SERVER_ERROR or status == httpx.codes.REQUEST_TIMEOUT:
            return TryLater(
                message, pause=retry_after(answer), vendor=self._vendor, status=status, request_id=request_id
            )
        if status == httpx.codes.NOT_FOUND:
            return Missing(
                message,
                code=f"{self._vendor}:missing",
                vendor=self._vendor,
                status=status,
                request_id=request_id,
                hint=f"Check the address of {self._vendor}.",
            )
        denied = status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}
        return Refused(
            message,
            code=f"{self._vendor}:{'forbidden' if denied else 'refused'}",
            vendor=self._vendor,
            status=status,
            request_id=request_id,
            hint=f"Check the token for {self._vendor} and its rights." if denied else "",
        )


def _authorities(vendor: str, ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise Refused(
            f"The authorities of {vendor} cannot be read from {ca_file}: {error.strerror or type(error).__name__}.",
            code=f"{vendor}:authorities",
            vendor=vendor,
            hint=f"Correct {vendor.upper()}_CA_FILE: a PEM file with at least one certificate.",
        ) from error


def retry_after(answer: httpx.Response) -> timedelta | None:
    """Return the pause that the answer asks for in seconds, at most an hour; None where it names none."""
    value = answer.headers.get("retry-after", "")
    return min(timedelta(seconds=int(value)), _LONGEST_PAUSE) if value.isdecimal() else None


def _request_id(answer: httpx.Response) -> str | None:
    return next((answer.headers[name] for name in _REQUEST_IDS if name in answer.headers), None)
