"""What LiteLLM's model part refuses, in our words: who must act, and what exactly to do.

LiteLLM passes vendors' errors on with a type and a text of its own
(https://docs.litellm.ai/docs/exception_mapping); a spent budget came as 400 and as 429 over the years.
"""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from http import HTTPStatus

from meshsix.integrations.errors import Missing, Refused, TryLater, VendorError

VENDOR = "litellm"
BUDGET_EXCEEDED = "litellm:budget-exceeded"
KEY_REFUSED = "litellm:key-refused"
MODEL_DENIED = "litellm:model-denied"
NO_SUCH_MODEL = "litellm:no-such-model"
TOO_LONG = "litellm:too-long"
NO_SUCH_VECTOR = "litellm:no-such-vector"
REFUSED = "litellm:refused"

VECTORS = "/embeddings"
_WRONG = {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}
_GATEWAYS = {HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT}
"""What whoever stands before LiteLLM, or before a vendor, answers when it hears no answer."""
_LONGEST_PAUSE = timedelta(hours=1)
_SPENT = ("budget_exceeded", "budget has been exceeded", "exceededbudget")
_DENIED = ("model_access_denied", "not allowed to access model")
_UNKNOWN = ("invalid model name", "model_not_found")
_DIMENSION = "dimension"
_LONG = ("contextwindowexceeded", "context_length_exceeded", "maximum context length")
_HINTS = {
    BUDGET_EXCEEDED: "Wait until the budget begins anew, or raise max_budget of the team at LiteLLM.",
    KEY_REFUSED: "Run the onboarding step configure_litellm again: it makes a new key and keeps it in Vault.",
    MODEL_DENIED: "Add the model to the team's models at LiteLLM, or name another one for this tier.",
    NO_SUCH_MODEL: "Add the model to model_list of LiteLLM, or name another one in the setting of its tier.",
    TOO_LONG: "Send less, or name a model with a larger context for this tier.",
    NO_SUCH_VECTOR: (
        "Set EMBEDDING_MODEL and EMBEDDING_DIMENSION to what LiteLLM offers and run `manage.py reembed_memories`."
    ),
}


class AnswerLost(TryLater):
    """The request was sent, and no answer came that can be read: LiteLLM may have done it, and billed it.

    `cost_usd` is what its headers say all the same, None where they say nothing.
    """

    cost_usd: Decimal | None = None


def late(what: str, *, was_sent: bool) -> TryLater:
    """Return the error for an answer that did not come in time."""
    kind = AnswerLost if was_sent else TryLater
    return kind(f"LiteLLM did not answer {what} in time.", vendor=VENDOR)


def unreachable(what: str, *, was_sent: bool) -> TryLater:
    """Return the error for a request that had no answer."""
    hint = "Check LITELLM_URL and the network between here and there."
    kind = AnswerLost if was_sent else TryLater
    return kind(f"No answer from LiteLLM to {what}.", vendor=VENDOR, hint=hint)


def unreadable(what: str, *, cost_usd: Decimal | None = None) -> AnswerLost:
    """Return the error for an answer that makes no sense."""
    hint = "Check that LITELLM_URL really leads to LiteLLM."
    lost = AnswerLost(f"LiteLLM's answer to {what} cannot be read.", vendor=VENDOR, hint=hint)
    lost.cost_usd = cost_usd
    return lost


def answered(what: str, *, status: int, headers: Mapping[str, str], body: object) -> VendorError:
    """Return the error that an answer means. It repeats no body: that may hold a prompt or a key."""
    request_id, message = headers.get("x-litellm-call-id"), f"LiteLLM answered {status} to {what}."
    code = _code(what, status, _said(body))
    if code == REFUSED and _may_pass(status):
        kind = AnswerLost if status in _GATEWAYS else TryLater
        return kind(
            message,
            pause=_pause(headers),
            counts=status != HTTPStatus.TOO_MANY_REQUESTS,
            vendor=VENDOR,
            status=status,
            request_id=request_id,
        )
    if code == REFUSED and status == HTTPStatus.NOT_FOUND:
        hint = "Check LITELLM_URL."
        return Missing(message, code="litellm:missing", vendor=VENDOR, status=status, request_id=request_id, hint=hint)
    return Refused(message, code=code, vendor=VENDOR, status=status, request_id=request_id, hint=_HINTS.get(code, ""))


def _code(what: str, status: int, said: str) -> str:
    """Return the code of a refusal; REFUSED where nothing in it says more."""
    for words, code in (
        (_SPENT, BUDGET_EXCEEDED),
        (_DENIED, MODEL_DENIED),
        (_UNKNOWN, NO_SUCH_MODEL),
        (_LONG, TOO_LONG),
    ):
        if any(word in said for word in words):
            return code
    if what == VECTORS and status in _WRONG and _DIMENSION in said:
        return NO_SUCH_VECTOR
    return KEY_REFUSED if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN} else REFUSED


def _may_pass(status: int) -> bool:
    passing = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS}
    return status in passing or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _said(body: object) -> str:
    """Return what an error's body says of it, in lower case; openai takes the `error` around it off."""
    facts = body if isinstance(body, Mapping) else {}
    return " ".join(str(facts.get(name) or "") for name in ("type", "code", "param", "message")).lower()


def _pause(headers: Mapping[str, str]) -> timedelta | None:
    value = headers.get("retry-after", "")
    return min(timedelta(seconds=int(value)), _LONGEST_PAUSE) if value.isdecimal() else None
