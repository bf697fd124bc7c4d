"""IR → its canonical text on one line, which parses to the same IR, annotations included.

Brackets stand only where the precedence of the language needs them: tightest first call, `*n`, `nx`, annotation, `,`. What a
text cannot say is written as what it comes to: a sequence of one as its item, a sequence of none as `id`, and no annotation
on independent copies, where it has no effect.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from archlang import ir
from archlang.layers import LAYERS, Value, find_layer, plugins

CALL, STACK, TIMES, ANNOTATED = range(4)  # the outermost construct of a text, tightest first
Text = tuple[str, int]
PLAIN = re.compile(r"[0-9]+(\.[0-9]+)?")


def unparse(node: ir.Node) -> str:
    """The text of a node; of a network, that of its body.

    >>> unit = ir.Sequence(items=(ir.Layer(name="dense", arguments=(("features", 256),)), ir.Layer(name="ln")))
    >>> unparse(ir.Repeat(body=ir.Residual(body=unit, scale=0.1), count=250, stacked=True, remat="full"))
    '@remat(full) res(dense256, ln, scale=0.1)*250'
    >>> unparse(ir.Repeat(body=unit, count=4, stacked=False))
    '4x<dense256, ln>'
    """
    return ", ".join(things(node.body if isinstance(node, ir.Network) else node))


def things(node: ir.Node) -> Iterator[str]:
    """The texts of the things in sequence that a node is, for where a sequence needs no brackets."""
    if not isinstance(node, ir.Sequence):
        return iter((item(node),))
    return map(item, node.items) if node.items else iter(("id",))


def item(node: ir.Node, loosest: int = ANNOTATED, brackets: str = "()") -> str:
    """The text of one thing, in brackets where it binds more loosely than `loosest`; a sequence in those of its own."""
    if isinstance(node, ir.Sequence):
        return f"{brackets[0]}{unparse(node)}{brackets[1]}"
    text, construct = WRITERS[type(node)](node)
    return text if construct <= loosest else f"({text})"


def layer(node: ir.Layer) -> Text:
    """`ln`, `dense256`, `dense(256, bias=false)`, `scale(init=-0.1)`."""
    if not node.arguments:
        return node.name, CALL
    parameters = find_layer(node.name).parameters()
    (name, first), *others = node.arguments
    if not others and name == parameters[0].name and may_be_glued(node.name, value(first)):
        return node.name + value(first), CALL
    required = {parameter.name for parameter in parameters if parameter.required}
    shown = (value(given) if name in required else f"{name}={value(given)}" for name, given in node.arguments)
    return f"{node.name}({', '.join(shown)})", CALL


def may_be_glued(name: str, number: str) -> bool:
    """Whether the two are read apart again: an exact name wins, and a name that ends in a digit would swallow the number."""
    glued = name + number
    return bool(PLAIN.fullmatch(number)) and not name[-1].isdigit() and glued not in LAYERS and glued not in plugins().layers


def value(given: Value) -> str:
    """An argument as it is written; the language has no `+` in exponents."""
    return str(given).lower() if isinstance(given, bool) else str(given).replace("e+", "e")


def residual(node: ir.Residual) -> Text:
    post = None if node.post is None else item(node.post, brackets="<>")
    given = {"scale": node.scale, "gate": node.gate, "post": post}
    keywords = (f"{name}={value(option)}" for name, option in given.items() if option is not None)
    return f"res({', '.join((*things(node.body), *keywords))})", CALL


def parallel(node: ir.Parallel) -> Text:
    branches = "; ".join(map(unparse, node.branches))
    return (f"par({branches}, join={node.join})" if node.join != "sum" else f"par({branches})"), CALL


def repeat(node: ir.Repeat) -> Text:
    if not node.stacked:
        body = item(node.body, TIMES, "<>")
        return f"{node.count}x{'' if body[0] == '<' else ' '}{body}", TIMES
    given = {"remat": node.remat, "unroll": node.unroll}
    annotations = "".join(f"@{name}({option}) " for name, option in given.items() if option is not None)
    return f"{annotations}{item(node.body, STACK)}*{node.count}", ANNOTATED if annotations else STACK


def cast(node: ir.Cast) -> Text:
    return f"@dtype({node.dtype}) {item(node.body)}", ANNOTATED


WRITERS: dict[type[ir.Node], Callable[[Any], Text]] = {
    ir.Layer: layer,
    ir.Residual: residual,
    ir.Parallel: parallel,
    ir.Repeat: repeat,
    ir.Cast: cast,
}
