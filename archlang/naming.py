"""What the parts of a network are called in its module: `dense`, `ln`, or `dense_0`, `dense_1` where a sequence has several.

Parameters are named by the layers, not by the definitions of a file, so that what computes the same has the same parameters at
the same places however it is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from archlang import ir

KINDS: dict[type[ir.Node], str] = {ir.Residual: "res", ir.Repeat: "stack", ir.Parallel: "par", ir.Cast: "cast"}
# Attributes that a module has anyway: a plug-in's layer may be called so.
RESERVED = frozenset(
    {"eval", "forward", "in_features", "items", "iter_children", "iter_modules", "name", "order", "perturb"}
    | {"set_attributes", "sow", "train"}
)


def in_a_row(node: ir.Node) -> tuple[ir.Node, ...]:
    """The things in sequence that a node is, with independent copies written out.

    >>> dense, ln = ir.Layer(name="dense", arguments=(("features", 8),)), ir.Layer(name="ln")
    >>> unit = ir.Sequence(items=(dense, ln))
    >>> [item.name for item in in_a_row(ir.Repeat(body=unit, count=2, stacked=False))]
    ['dense', 'ln', 'dense', 'ln']
    """
    if isinstance(node, ir.Sequence):
        return tuple(inner for item in node.items for inner in in_a_row(item))
    if isinstance(node, ir.Repeat) and not node.stacked:
        return in_a_row(node.body) * node.count
    if isinstance(node, ir.Repeat) and not node.is_loop:
        return in_a_row(node.body)
    return (node,)


def names(items: Sequence[ir.Node]) -> tuple[str, ...]:
    """The names of things in sequence; those of one kind are numbered."""
    kinds = [kind(item) for item in items]
    several = {name for name, number in Counter(kinds).items() if number > 1} | RESERVED
    seen: Counter[str] = Counter()
    found = []
    for name in kinds:
        found.append(f"{name}_{seen[name]}" if name in several else name)
        seen[name] += 1
    return tuple(found)


def kind(node: ir.Node) -> str:
    return node.name if isinstance(node, ir.Layer) else KINDS[type(node)]
