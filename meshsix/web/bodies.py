"""How much of a request's body is taken at all, decided before Django, which keeps a whole body on disk first."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http import HTTPStatus
from io import BytesIO
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse

from meshsix.kit import ids
from meshsix.web import problems

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Receive, Send], Awaitable[None]]


class BodyLimit:
    """Answers 413 and reads no further where a body is larger than its path allows, declared or not."""

    def __init__(self, app: App, *, usual: int, larger: Mapping[str, int]) -> None:
        self._app = app
        self._usual = usual
        self._larger = larger

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request."""
        most = next((most for path, most in self._larger.items() if scope["path"].startswith(path)), self._usual)
        if _declared(scope) > most:
            await _refuse(scope, send, most)
            return
        counted = _Counted(receive, send, most)
        await self._app(scope, counted.receive, counted.send)
        if counted.too_large:
            await _refuse(scope, send, most)


class _Counted:
    """Counts what arrives. After too much the application sees a caller who went away, and is not heard any more."""

    def __init__(self, receive: Receive, send: Send, most: int) -> None:
        self._receive = receive
        self._send = send
        self._left = most
        self._answered = False
        self.too_large = False

    async def receive(self) -> Message:
        if self.too_large:
            return {"type": "http.disconnect"}
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left >= 0:
            return message
        self.too_large = not self._answered
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if not self.too_large:
            self._answered = True
            await self._send(message)


async def _refuse(scope: dict[str, Any], send: Send, most: int) -> None:
    request = ASGIRequest(scope, BytesIO())
    request.request_id = ids.new_id().hex  # type: ignore[attr-defined] # ours
    detail = f"The body is larger than {most // 1024**2} MiB."
    answer = problems.answer(request, code="too_large", status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail=detail)
    answer.headers["Connection"] = "close"  # the rest of the body is not wanted
    answer.headers["X-Request-ID"] = request.request_id  # type: ignore[attr-defined] # ours
    await send_answer(send, answer)


async def send_answer(send: Send, answer: HttpResponse) -> None:
    """Send a plain Django answer from outside of Django."""
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.items()]
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": answer.content})


def _declared(scope: Mapping[str, Any]) -> int:
    given = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    return int(given[:20]) if given.isdigit() else 0
