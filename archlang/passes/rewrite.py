"""Rebuilds a network from the inside out; what does not change stays the same object."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from archlang import ir

Rule = Callable[[Any], Any]  # node → node


def bottom_up(node: ir.Node, rule: Rule) -> Any:
    """The node with the rule put to everything in it, innermost first."""
    return rule(map_children(node, lambda child: bottom_up(child, rule)))


def map_children(node: ir.Node, function: Rule) -> Any:
    """The node with every node directly inside it replaced. Spans and annotations stay."""
    fields = {name: mapped(value, function) for name, value in vars(node).items()}
    changed = {name: value for name, value in fields.items() if value is not getattr(node, name)}
    return node.model_copy(update=changed) if changed else node


def mapped(value: Any, function: Rule) -> Any:
    if isinstance(value, ir.Node):
        return function(value)
    if not (isinstance(value, tuple) and value and isinstance(value[0], ir.Node)):
        return value
    items = tuple(function(item) for item in value)
    return value if all(new is old for new, old in zip(items, value, strict=True)) else items
