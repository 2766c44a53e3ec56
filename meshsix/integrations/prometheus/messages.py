"""What Prometheus answers, parsed once into what we use of it. Pure: no clock, no I/O; unknown fields are ignored.

https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

_MOST_MESSAGE = 500
_NAME = "__name__"


class Unreadable(ValueError):  # noqa: N818 - reads as a word of the domain
    """The answer is none that an instant query gives; the message says what was there."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One value with its labels, without the metric's name. `value` may be infinite or not a number."""

    labels: Mapping[str, str]
    value: float
    at: datetime


def samples(answer: object) -> tuple[Sample, ...]:
    """Read the answer of an instant query. Raises Unreadable."""
    data = answer.get("data") if isinstance(answer, Mapping) else None
    kind = data.get("resultType") if isinstance(data, Mapping) else None
    if not isinstance(data, Mapping) or kind not in {"vector", "scalar"}:
        raise Unreadable(f"It has a result of type {kind!r}.")
    found = data.get("result")
    try:
        if kind == "scalar":
            return (_sample({}, found),)
        return tuple(_sample(each["metric"], each["value"]) for each in found or ())
    except (TypeError, ValueError, KeyError) as error:
        raise Unreadable(f"Its result cannot be read: {type(error).__name__}.") from error


def refusal(answer: object) -> str:
    """Return why Prometheus refused an expression, empty where the answer does not say so."""
    if not isinstance(answer, Mapping) or answer.get("errorType") not in {"bad_data", "execution"}:
        return ""
    return str(answer.get("error", ""))[:_MOST_MESSAGE]


def _sample(metric: Mapping[str, str], value: object) -> Sample:
    """Read one pair of time and value; a value is a text, so that it can be NaN, +Inf or -Inf."""
    if not isinstance(value, list):
        raise TypeError
    moment, number = value
    labels = {str(name): str(text) for name, text in metric.items() if name != _NAME}
    return Sample(labels=labels, value=float(number), at=datetime.fromtimestamp(float(moment), UTC))
