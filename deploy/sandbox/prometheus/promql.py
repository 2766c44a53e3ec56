"""The part of PromQL that is understood: numbers, selectors, `rate` and its like, and sums by labels. Pure.

    up{job=~"web|api"}        sum by (pod) (rate(container_cpu_usage_seconds_total{namespace="x", container!=""}[5m]))

https://prometheus.io/docs/prometheus/latest/querying/basics/. Whatever else is asked is refused, as Prometheus refuses
what it cannot parse. Series have no history: a gauge is as it is, and a counter grows evenly since 1970.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Labels = dict[str, str]
Vector = list[tuple[Labels, float]]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?(?![\w.]))|(?P<word>[a-zA-Z_:][\w:]*)|(?P<text>\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<sign>=~|!~|!=|[=(){},])|\[(?P<range>\d+[smhd])\])"
)
_JOINS: dict[str, Callable[[Sequence[float]], float]] = {
    "sum": math.fsum,
    "avg": lambda values: math.fsum(values) / len(values),
    "max": max,
    "min": min,
    "count": lambda values: float(len(values)),
}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_RATES = ("rate", "irate", "increase")


class PromqlError(ValueError):
    """An expression that cannot be read; the message says where."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """A series: a gauge with its value, or a counter that grows by so much a second."""

    labels: Labels
    value: float = 0.0
    per_second: float = 0.0

    def at(self, moment: float) -> float:
        """Return the value at a moment, in seconds since 1970."""
        return self.value + self.per_second * moment


def evaluate(expression: str, series: Sequence[Series], at: float) -> Vector | float:
    """Return what the expression gives at a moment. Raises PromqlError."""
    reader = _Reader(expression, series, at)
    found = reader.expression()
    reader.end()
    return found


class _Reader:
    def __init__(self, text: str, series: Sequence[Series], at: float) -> None:
        self._series, self._at = series, at
        self._tokens = list(_tokens(text))
        self._place = 0

    def expression(self) -> Vector | float:
        kind, text = self._next()
        if kind == "number":
            return float(text)
        if kind == "word" and text in _JOINS and self._sees("(", "by", "without"):
            return self._joined(text)
        if kind == "word" and text in _RATES and self._sees("("):
            return self._rate(text)
        if kind == "word" or (kind, text) == ("sign", "{"):
            return [(each.labels, each.at(self._at)) for each in self._selected(kind, text)]
        raise PromqlError(f"parse error: unexpected {text!r}")

    def end(self) -> None:
        if self._place < len(self._tokens):
            raise PromqlError(f"parse error: unexpected {self._tokens[self._place][1]!r}")

    def _joined(self, name: str) -> Vector:
        by = self._grouping()
        self._wants("(")
        inner = self.expression()
        self._wants(")")
        by = by if by is not None else self._grouping()
        if isinstance(inner, float):
            raise PromqlError(f"parse error: expected type instant vector in aggregation {name}")
        keep = by or (lambda _: {})
        groups: dict[str, tuple[Labels, list[float]]] = {}
        for labels, value in inner:
            kept = keep(labels)
            groups.setdefault(text_of(kept), (kept, []))[1].append(value)
        return [(labels, _JOINS[name](values)) for labels, values in groups.values()]

    def _grouping(self) -> Callable[[Labels], Labels] | None:
        if not self._sees("by", "without"):
            return None
        inside = self._next()[1] == "by"
        self._wants("(")
        names = set()
        while not self._sees(")"):
            names.add(self._next()[1])
            if self._sees(","):
                self._next()
        self._wants(")")
        hidden = set() if inside else {"__name__"}
        return lambda labels: {
            name: value for name, value in labels.items() if (name in names) is inside and name not in hidden
        }

    def _rate(self, name: str) -> Vector:
        self._wants("(")
        chosen = self._selected(*self._next())
        kind, window = self._next()
        if kind != "range":
            raise PromqlError(f'parse error: expected type range vector in call to function "{name}"')
        self._wants(")")
        seconds = int(window[:-1]) * _SECONDS[window[-1]] if name == "increase" else 1
        return [(_nameless(each.labels), each.per_second * seconds) for each in chosen]

    def _selected(self, kind: str, text: str) -> list[Series]:
        tests = [("__name__", "=", text)] if kind == "word" else []
        if kind == "word" and self._sees("{"):
            self._next()
            kind, text = "sign", "{"
        if (kind, text) == ("sign", "{"):
            tests += self._matchers()
        return [each for each in self._series if all(_fits(each.labels, *test) for test in tests)]

    def _matchers(self) -> list[tuple[str, str, str]]:
        found = []
        while not self._sees("}"):
            (_, label), (_, sign), (kind, text) = self._next(), self._next(), self._next()
            if sign not in {"=", "!=", "=~", "!~"} or kind != "text":
                raise PromqlError(f"parse error: unexpected {sign!r} in label matching")
            found.append((label, sign, text[1:-1].replace('\\"', '"').replace("\\\\", "\\")))
            if self._sees(","):
                self._next()
        self._wants("}")
        return found

    def _sees(self, *texts: str) -> bool:
        return self._place < len(self._tokens) and self._tokens[self._place][1] in texts

    def _next(self) -> tuple[str, str]:
        if self._place >= len(self._tokens):
            raise PromqlError("parse error: unexpected end of input")
        self._place += 1
        return self._tokens[self._place - 1]

    def _wants(self, sign: str) -> None:
        found = self._next()[1]
        if found != sign:
            raise PromqlError(f"parse error: unexpected {found!r}, expected {sign!r}")


def _tokens(text: str) -> Sequence[tuple[str, str]]:
    found, place, text = [], 0, text.strip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            raise PromqlError(f"{place + 1}: parse error: unexpected character: {text[place]!r}")
        found.append((match.lastgroup, match[match.lastgroup]))
        place = match.end()
    return found


def _fits(labels: Mapping[str, str], label: str, sign: str, text: str) -> bool:
    value = labels.get(label, "")
    hit = re.fullmatch(text, value) is not None if "~" in sign else value == text
    return hit is not sign.startswith("!")


def _nameless(labels: Labels) -> Labels:
    return {name: value for name, value in labels.items() if name != "__name__"}


def text_of(labels: Mapping[str, str]) -> str:
    """Return the labels as one text, by which a series is known."""
    return ",".join(f"{name}={value}" for name, value in sorted(labels.items()))


def number(value: float) -> str:
    """Return a value as Prometheus writes it."""
    if math.isnan(value):
        return "NaN"
    return f"{'-' if value < 0 else '+'}Inf" if math.isinf(value) else f"{value:.15g}"
