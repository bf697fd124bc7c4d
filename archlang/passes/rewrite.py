"""Rebuilds a network from the inside out; what does not change stays the same object."""

from __future__ import annotations

from collections.abc import Callable
from operator import is_
from typing import Any

from archlang import ir

Rule = Callable[[Any], Any]  # node → node


def bottom_up(node: ir.Node, rule: Rule) -> Any:
    """The node with the rule put to everything in it, innermost first."""
    return rule(map_children(node, lambda child: bottom_up(child, rule)))


def map_children(node: ir.Node, function: Rule) -> Any:
    """The node with every node directly inside it replaced. Spans and annotations stay."""
    changed: dict[str, Any] = {}
    for name in node.holding:
        old = getattr(node, name)
        new = mapped(old, function)
        if new is not old:
            changed[name] = new
    return node.model_copy(update=changed) if changed else node


def mapped(value: Any, function: Rule) -> Any:
    """A node, or several, or the nothing that is in the place of one."""
    if not isinstance(value, tuple):
        return None if value is None else function(value)
    items = tuple(map(function, value))
    return value if all(map(is_, items, value)) else items
