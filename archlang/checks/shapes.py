"""Types fit: stacks and residual bodies keep their type, summed branches agree, nothing follows a distribution.

A node that is wrong gives a type of unknown width, which agrees with everything: one mistake, one message.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from archlang import ir
from archlang.diagnostics import Collector, Diagnostic, Replacement
from archlang.infer import output_type, summed
from archlang.layers import Refused
from archlang.limits import MAX_WIDTH
from archlang.source import Span
from archlang.types import Type


def check_shapes(network: ir.Network, x: Type, collector: Collector) -> Type:
    """The type that the network gives for inputs of type `x`, as far as it is right."""
    return Shapes(network.name, collector).type_of(network.body, x)


@dataclass
class Shapes:
    """One walk over one network."""

    network: str
    collector: Collector
    around: list[Span] = field(default_factory=list)  # the spans of the nodes around the one that is looked at, and its own

    def type_of(self, node: ir.Node, x: Type) -> Type:
        self.around += [node.span] if node.span else []
        y = RULES[type(node)](self, node, x)
        del self.around[len(self.around) - bool(node.span) :]
        return y

    def layer(self, node: ir.Layer, x: Type) -> Type:
        if x.distribution:
            return self.report("E0303", "nothing may follow a distribution", node.span, f"takes {x}", help=SQUASHED)
        try:
            y = node.layer.output(x)
        except Refused as needs:
            return self.report("E0306", f"`{node.name}` needs {needs}", node.span, f"takes {x}")
        if y.distribution and y.width is None:
            help = "write it (`gaussian8`), or give `--action 8`, `--env` or `.bind(action_dim=8)`"
            return self.report("E0305", "the width of the action is not known", node.span, help=help, gives=y)
        return self.refuse_width(node, y)

    def sequence(self, node: ir.Sequence, x: Type) -> Type:
        for item in node.items:
            x = self.type_of(item, x)
        return x

    def residual(self, node: ir.Residual, x: Type) -> Type:
        y = self.type_of(node.body, x)
        if not y.agrees_with(x):
            return self.changed("E0302", "a residual body must keep its width", node, x, y)
        total = x if x.width is not None else y
        return self.type_of(node.post, total) if node.post else total

    def repeat(self, node: ir.Repeat, x: Type) -> Type:
        if node.stacked:
            return self.stack(node, x)
        for _ in range(node.count):
            y = self.type_of(node.body, x)
            if y == x or y.wrong:
                return y
            x = y
        return x

    def stack(self, node: ir.Repeat, x: Type) -> Type:
        if not node.is_loop:
            return self.type_of(node.body, x)
        y = self.type_of(node.body, x)
        if y.agrees_with(x):
            return x if x.width is not None else y
        return self.changed("E0301", "a stack must keep its width", node, x, y)

    def parallel(self, node: ir.Parallel, x: Type) -> Type:
        outputs = [self.type_of(branch, x) for branch in node.branches]
        for branch, y in zip(node.branches, outputs, strict=True):
            if y.distribution:
                return self.report("E0303", "a distribution cannot be joined", branch.span, f"gives {y}")
        return self.joined(node, x, outputs)

    def joined(self, node: ir.Parallel, x: Type, outputs: list[Type]) -> Type:
        y = output_type(node, x)
        if node.join == "concat":
            return self.refuse_width(node, y)
        other = next((i for i, output in enumerate(outputs) if not output.agrees_with(y)), None)
        if other is None:
            return y
        message, label = "summed branches must have the same width", f"gives {outputs[other]}"
        first = ((node.branches[0].span, f"gives {outputs[0]}"),) if node.branches[0].span else ()
        help = "`join=concat` puts them side by side"
        return self.report("E0304", message, node.branches[other].span, label, first, help)

    def refuse_width(self, node: ir.Node, y: Type) -> Type:
        if y.width is None or y.width <= MAX_WIDTH:
            return y
        return self.report("E0306", f"this width is {y.width}; widths end below 2**31", node.span)

    def cast(self, node: ir.Cast, x: Type) -> Type:
        return self.type_of(node.body, x.with_dtype(node.dtype)).with_dtype(x.dtype)

    def changed(self, code: str, message: str, node: ir.Residual | ir.Repeat, x: Type, y: Type) -> Type:
        """Report a body that changes its type, with the layer that does it and what would mend it."""
        body, culprit = node.body, last_change(node.body, x)
        span = culprit.span if culprit is not None and culprit is not body else None
        secondary = ((span, f"this makes it {y}"),) if span else ()
        help, edit = mend(node, x, y, culprit)
        return self.report(code, message, body.span, f"takes {x}, gives {y}", secondary, help, edit)

    def report(
        self,
        code: str,
        message: str,
        span: Span | None,
        label: str = "",
        secondary: tuple[tuple[Span, str], ...] = (),
        help: str | None = None,
        edit: Replacement | None = None,
        gives: Type | None = None,
    ) -> Type:
        secondary += ((use, "used here"),) if span and (use := self.use_of(span)) else ()
        diagnostic = Diagnostic(code, message, span, label, secondary, help=help, replacement=edit)
        self.collector.add(diagnostic, self.network)
        return gives or Type(wrong=True)

    def use_of(self, span: Span) -> Span | None:
        """Where the definition is used in which a mistake stands: the innermost node around it that was written elsewhere."""
        return next((use for use in reversed(self.around) if not use.holds(span) and not span.holds(use)), None)


RULES: dict[type[ir.Node], Callable[[Shapes, Any, Type], Type]] = {
    ir.Layer: Shapes.layer,
    ir.Hole: lambda shapes, node, x: node.layer.output(x),
    ir.Sequence: Shapes.sequence,
    ir.Residual: Shapes.residual,
    ir.Repeat: Shapes.repeat,
    ir.Parallel: Shapes.parallel,
    ir.Cast: Shapes.cast,
}


SQUASHED = "the runtime squashes actions with tanh itself; put layers before `gaussian`"


def mend(node: ir.Residual | ir.Repeat, x: Type, y: Type, culprit: ir.Node | None) -> tuple[str | None, Replacement | None]:
    """What to do about a body that changes its type: a layer before it, or another width inside it."""
    if y.distribution:
        return "a distribution stands at the end of an actor, behind the stack", None
    if node.span and x.width not in widths(node.body, x) and output_type(node.body, y) == y:
        what = "the stack" if isinstance(node, ir.Repeat) else "it"
        return f"put a `dense{y.width}` before {what}:  dense{y.width}, {node.span.first_line}", None
    if culprit is None or culprit.span is None or not re.fullmatch(r"dense\d+", culprit.span.text):
        return None, None
    return f"make it `dense{x.width}`", Replacement(culprit.span, f"dense{x.width}")


def widths(node: ir.Node, x: Type) -> set[int | None]:
    """The widths that the layers of a node give."""
    if isinstance(node, ir.Layer):
        return {output_type(node, x).width}
    found: set[int | None] = set()
    for child in ir.children(node):
        found |= widths(child, x)
        x = x if isinstance(node, ir.Parallel) else output_type(child, x)
    return found


def last_change(node: ir.Node, x: Type) -> ir.Node | None:
    """The last layer, or `par`, inside a node that changes the width."""
    if isinstance(node, ir.Layer | ir.Parallel):
        return node if output_type(node, x).width != x.width else None
    if isinstance(node, ir.Residual):
        return last_change(node.post, summed(node, x)) if node.post else None
    culprit = None
    for child in ir.children(node):
        culprit = last_change(child, x) or culprit
        x = output_type(child, x)
    return culprit
