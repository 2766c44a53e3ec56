"""Sums as people write them: parsed and reckoned with exact numbers, never run as code. Pure."""

import ast
import operator
import re
from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction

LONGEST = 200
MOST_BITS = 4096
_DIGITS = 15
_MOST_EXPONENT = 1000
_DECIMAL = re.compile(r"[\d_.]+(?:[eE][+-]?(\d+))?")
_SIGNS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction | int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


class NoSum(ValueError):  # noqa: N818 - reads as a word of the domain
    """The text is no sum, or none that has a result of a reasonable size; the message says why."""


def reckon(expression: str) -> str:
    """Return the result of `(1 + 2) * 3.5 ** 2 / -4`: exact where it is whole, else with 15 digits. Raises NoSum."""
    if len(expression) > LONGEST:
        raise NoSum(f"a sum has at most {LONGEST} characters")
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except (SyntaxError, ValueError) as error:
        raise NoSum("write numbers with + - * / // % ** and brackets") from error
    return _told(_value(tree.body, expression.strip()))


def _value(node: ast.expr, text: str) -> Fraction:
    match node:
        case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
            return _number(ast.get_source_segment(text, node) or "")
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, text)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand, text)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left, text), _value(right, text))
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _SIGNS:
            return _joined(_SIGNS[type(sign)], _value(left, text), _value(right, text))
        case _:
            raise NoSum("only numbers, + - * / // % ** and brackets are known")


def _number(written: str) -> Fraction:
    """Return what is written, to the last digit: 0.1 is one tenth."""
    found = _DECIMAL.fullmatch(written)
    if found is None:
        raise NoSum(f"{written[:20]} is no decimal number")
    if int(found[1] or 0) > _MOST_EXPONENT:
        raise NoSum("the number is too large")
    return _bounded(Fraction(written))


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1:
        raise NoSum("exponents must be whole")
    size = max(base.numerator.bit_length(), base.denominator.bit_length())
    if size * abs(exponent.numerator) > MOST_BITS:
        raise NoSum("the result is too large")
    return _joined(operator.pow, base, exponent)


def _joined(sign: Callable[[Fraction, Fraction], Fraction | int], left: Fraction, right: Fraction) -> Fraction:
    try:
        return _bounded(Fraction(sign(left, right)))
    except ZeroDivisionError:
        raise NoSum("nothing can be divided by zero") from None


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MOST_BITS:
        raise NoSum("the result is too large")
    return value


def _told(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    with localcontext(prec=_DIGITS):
        return f"{(Decimal(value.numerator) / Decimal(value.denominator)).normalize()}"
