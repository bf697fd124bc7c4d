"""Numbers of the surface tree → Python numbers: literals, and whole-number arithmetic in braces."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from archlang import syntax
from archlang.layers.kinds import fits_float32
from archlang.limits import MAX_COUNT, MAX_DIGITS, MAX_NUMBER, MIN_NUMBER
from archlang.source import Span
from archlang.wrong import wrong

Number = int | float
Lookup = Callable[[syntax.Variable], Number]


def evaluate(node: syntax.Arithmetic, lookup: Lookup) -> Number:
    """The value of a literal, a name or arithmetic. Raises `Wrong`."""
    if isinstance(node, syntax.Number):
        return literal(node)
    if isinstance(node, syntax.Variable):
        return lookup(node)
    return negative(node, lookup) if isinstance(node, syntax.Negative) else chain(node, lookup)


def literal(node: syntax.Number) -> Number:
    digits = node.text.lstrip("-")
    if not digits.isdigit():
        return real(node, digits)
    if len(digits) <= MAX_DIGITS:
        return bounded(int(node.text), node.span)
    raise wrong("E0204", f"the number {shortened(digits)} is too large", node.span, help="numbers end below 2**63")


def real(node: syntax.Number, digits: str) -> float:
    """A number with a point or an exponent."""
    value = float(node.text)
    vanished = value == 0 and digits.partition("e")[0].strip("0.") != ""
    if fits_float32(value) and not vanished:
        return value
    size = "large" if abs(value) > MAX_NUMBER else "small"
    raise wrong("E0204", f"the number {shortened(digits)} is too {size}", node.span, help=FLOAT32)


def shortened(digits: str) -> str:
    return digits if len(digits) <= 2 * MAX_DIGITS else f"{digits[:8]}… ({len(digits)} digits)"


BOUNDS = f"{MIN_NUMBER:.2e} to {MAX_NUMBER:.2e}".replace("+", "")
FLOAT32 = f"numbers are kept in float32: 0, or from {BOUNDS} in size"


def bounded(value: int, span: Span) -> int:
    if abs(value) <= MAX_COUNT:
        return value
    raise wrong("E0204", "this number is too large", span, help="numbers end below 2**63")


def whole(value: Number, span: Span) -> int:
    if isinstance(value, int):
        return value
    raise wrong("E0207", f"arithmetic is for whole numbers; this is {value}", span)


def negative(node: syntax.Negative, lookup: Lookup) -> Number:
    """`---a`, without a recursion for each sign."""
    operand, sign = node.operand, -1
    while isinstance(operand, syntax.Negative):
        operand, sign = operand.operand, -sign
    return sign * evaluate(operand, lookup)


def chain(node: syntax.Binary, lookup: Lookup) -> int:
    """`a + b + c`, without a recursion for each term."""
    terms = [node]
    while isinstance(terms[-1].left, syntax.Binary):
        terms.append(terms[-1].left)
    value = whole(evaluate(terms[-1].left, lookup), terms[-1].left.span)
    for term in reversed(terms):
        value = binary(term, value, lookup)
    return value


def binary(node: syntax.Binary, left: int, lookup: Lookup) -> int:
    right = whole(evaluate(node.right, lookup), node.right.span)
    if node.operator == "/":
        return divide(node, left, right)
    return bounded(OPERATORS[node.operator](left, right), node.span)


OPERATORS: Mapping[str, Callable[[int, int], int]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
}


def divide(node: syntax.Binary, left: int, right: int) -> int:
    if right == 0:
        raise wrong("E0207", "division by zero", node.right.span)
    remainder = left % right
    if remainder == 0:
        return left // right
    nearest = sorted({left - remainder, left - remainder + right})
    name = node.left.name if isinstance(node.left, syntax.Variable) else "the left side"
    works = [str(value) for value in nearest if value > 0]
    message = f"{left} / {right} leaves a remainder of {remainder}"
    raise wrong("E0207", message, node.span, help=NEAREST.get(len(works), "").format(name, " or ".join(works)) or None)


NEAREST = {1: "the nearest value of {} that works: {}", 2: "the nearest values of {} that work: {}"}
