"""Networks as a page for notebooks: a tree that folds without a script, with the type and the parameters of every node.

A stack and independent copies are drawn once, with their count; their own row counts the parameters of all copies, the rows
inside those of one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from html import escape
from typing import Any

from archlang import ir
from archlang.analysis.params import dense_layers, num_params
from archlang.analysis.parts import parts
from archlang.infer import output_type
from archlang.types import Type
from archlang.unparse import unparse

OPEN_LEVELS = 4  # that are unfolded at first
# Colours are those of the notebook, light or dark; a triangle of our own, for `flex` takes away that of the browser.
STYLE = """
.archlang{font-size:.9em;max-width:46em;overflow-x:auto}
.archlang div,.archlang summary{display:flex;gap:1.5em;padding:.1em .2em;border-bottom:1px solid rgba(128,128,128,.2)}
.archlang summary{cursor:pointer;list-style:none}
.archlang summary::-webkit-details-marker{display:none}
.archlang code{flex:1 0 auto;white-space:nowrap;background:none}
.archlang code::before{display:inline-block;width:1.2em;content:"";opacity:.6}
.archlang summary>code::before{content:"▸"}
.archlang details[open]>summary>code::before{content:"▾"}
.archlang details details,.archlang details div{margin-left:1.2em}
.archlang span{opacity:.8;text-align:right;font-variant-numeric:tabular-nums}
.archlang b{font-weight:normal;min-width:8em;text-align:right;font-variant-numeric:tabular-nums}
""".replace("\n", "")


def html(networks: Mapping[str, ir.Network], inputs: Mapping[str, int | None]) -> str:
    """One tree for each network, for inputs `[batch, inputs[name]]`; what depends on a width that is not known is `?`."""
    trees = "".join(network(name, net.body, Type.of_input(inputs.get(name))) for name, net in networks.items())
    return f'<section class="archlang"><style>{STYLE}</style>{trees}</section>'


def network(name: str, body: ir.Node, x: Type) -> str:
    found = dense_layers(body)
    counted = f"{params(body, x)} parameters, {found:,} dense layer{'' if found == 1 else 's'}"
    return folded(row(name, x, output_type(body, x), counted), spliced(body, x, 1), 0)


def drawn(node: ir.Node, x: Type, level: int, before: str = "") -> str:
    """A node as a row, with what is inside it below."""
    line = row(before + LABELS[type(node)](node), x, output_type(node, x), params(node, x))
    return folded(line, "".join(inside(node, x, level + 1)), level)


def inside(node: ir.Node, x: Type, level: int) -> Iterator[str]:
    found = list(parts(node, x))
    differ = isinstance(node, ir.Repeat) and len(found) > 1
    for index, (part, seen, count) in enumerate(found):
        if differ:
            line = row(f"×{count:,}", seen, output_type(part, seen), params(part, seen, count))
            yield folded(line, spliced(part, seen, level + 1), level)
        elif index == 0 and hasattr(node, "body"):
            yield spliced(part, seen, level)
        else:
            yield drawn(part, seen, level, "post: " if isinstance(node, ir.Residual) else "")


def spliced(body: ir.Node, x: Type, level: int) -> str:
    """What is directly inside another node: a sequence needs no row of its own."""
    if isinstance(body, ir.Sequence):
        return "".join(inside(body, x, level))
    return drawn(body, x, level)


# --- one row ----------------------------------------------------------------------------------------------------------


def folded(line: str, below: str, level: int) -> str:
    if not below:
        return f"<div>{line}</div>"
    return f"<details{' open' if level < OPEN_LEVELS else ''}><summary>{line}</summary>{below}</details>"


def row(label: str, x: Type, y: Type, number: str) -> str:
    types = f"{x}" if str(x) == str(y) else f"{x} → {y}"
    return f"<code>{escape(label)}</code> <span>{escape(types)}</span> <b>{escape(number)}</b>"


def params(node: ir.Node, x: Type, count: int = 1) -> str:
    try:
        return f"{count * num_params(node, x):,}"
    except ValueError:  # it depends on a width that is not known
        return "?"


def residual(node: ir.Residual) -> str:
    options = {"scale": node.scale, "gate": node.gate}
    given = ", ".join(f"{name}={option}" for name, option in options.items() if option is not None)
    return f"res, {given}" if given else "res"


def repeat(node: ir.Repeat) -> str:
    given = {"remat": node.remat, "unroll": node.unroll}
    annotations = "".join(f", {name} {option}" for name, option in given.items() if option is not None)
    return f"{'stack' if node.stacked else 'copies'} ×{node.count:,}{annotations}"


LABELS: dict[type[ir.Node], Callable[[Any], str]] = {
    ir.Layer: unparse,
    ir.Sequence: lambda node: "sequence",
    ir.Residual: residual,
    ir.Repeat: repeat,
    ir.Parallel: lambda node: f"par, {node.join}",
    ir.Cast: lambda node: f"in {node.dtype}",
}
