"""LiteLLM's models by the openai package: answers, vectors, prices. A thin shell: no retries, failures in our words."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta

import httpx2
from openai import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    DefaultHttpx2Client,
    OpenAI,
    Timeout,
    omit,
)

from meshsix.integrations.errors import VendorError
from meshsix.integrations.litellm import chat_messages, failures
from meshsix.integrations.litellm.chat_messages import ChatAnswer, ChatAsk, Embedded, ModelFacts, Unreadable

CONNECT_SECONDS = 5.0
_ANSWERS = "/chat/completions"
_NEVER_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
    httpx2.LocalProtocolError,
)
_NO_KEY = "each call names its own"  # without one, the package would look for one in the environment


class Models:
    """The models of a LiteLLM proxy. Each call names the virtual key that it is billed to and its longest wait.

    Every call raises TryLater, Refused or Missing and nothing else; a spent budget is Refused with
    `failures.BUDGET_EXCEEDED`.
    """

    def __init__(self, *, url: str) -> None:
        # Redirects are not followed: an answer that sends us elsewhere is not LiteLLM's, and the headers hold a key.
        self._http = DefaultHttpx2Client(follow_redirects=False)
        self._openai = OpenAI(api_key=_NO_KEY, admin_api_key="", base_url=url, max_retries=0, http_client=self._http)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def complete(self, ask: ChatAsk, *, key: str, timeout: timedelta) -> ChatAnswer:
        """Return the model's answer, whole or cut (`finish_reason`)."""
        with _translated(_ANSWERS):
            answer = self._with(key, timeout).chat.completions.with_raw_response.create(
                model=ask.model,
                messages=[message.as_json() for message in ask.messages],
                max_tokens=ask.max_tokens,
                temperature=omit if ask.temperature is None else ask.temperature,
                tools=[tool.as_json() for tool in ask.tools] or omit,
                tool_choice="none" if ask.tools and ask.answer_now else omit,
                response_format=ask.shape.as_json() if ask.shape else omit,
            )
        with _readable(_ANSWERS, answer.headers):
            return chat_messages.chat_answer(json.loads(answer.content), answer.headers)

    def embed(
        self, texts: Sequence[str], *, model: str, dimension: int | None = None, key: str, timeout: timedelta
    ) -> Embedded:
        """Return one vector a text; `dimension` asks for shorter ones, where the model can."""
        with _translated(failures.VECTORS):
            answer = self._with(key, timeout).embeddings.with_raw_response.create(
                model=model, input=list(texts), dimensions=dimension or omit, encoding_format="float"
            )
        with _readable(failures.VECTORS, answer.headers):
            return chat_messages.embedded(json.loads(answer.content), answer.headers, wanted=len(texts))

    def facts(self, *, key: str, timeout: timedelta) -> tuple[ModelFacts, ...]:
        """Return prices and abilities of the models that the key may use."""
        with _translated("/model/info"):
            answer: object = self._with(key, timeout).get("/model/info", cast_to=object)
            return chat_messages.model_facts(answer)

    def _with(self, key: str, timeout: timedelta) -> OpenAI:
        wait = Timeout(timeout.total_seconds(), connect=min(CONNECT_SECONDS, timeout.total_seconds()))
        return self._openai.with_options(api_key=key, timeout=wait)


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except APIError as error:
        raise _failure(error, what) from error
    except (Unreadable, ValueError) as error:
        raise failures.unreadable(what) from error


@contextmanager
def _readable(what: str, headers: Mapping[str, str]) -> Iterator[None]:
    """See that an answer which cannot be read is counted with what its headers say that it cost."""
    try:
        yield
    except ValueError as error:
        raise failures.unreadable(what, cost_usd=chat_messages.cost(headers)) from error


def _failure(error: APIError, what: str) -> VendorError:
    if isinstance(error, APITimeoutError):
        return failures.late(what, was_sent=_was_sent(error))
    if isinstance(error, APIStatusError):
        return failures.answered(what, status=error.status_code, headers=error.response.headers, body=error.body)
    if isinstance(error, APIConnectionError):
        return failures.unreachable(what, was_sent=_was_sent(error))
    return failures.unreadable(what)


def _was_sent(error: APIConnectionError) -> bool:
    """Return whether LiteLLM may have heard what was said: there was a connection, and the request could be written."""
    return not isinstance(error.__cause__, _NEVER_SENT)
