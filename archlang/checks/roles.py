"""The three networks that the runtime trains: an actor that ends in a gaussian, and two encoders of one width."""

from __future__ import annotations

from collections.abc import Mapping

from archlang import ir
from archlang.diagnostics import Collector, Diagnostic
from archlang.source import Span
from archlang.types import Type

ENCODERS = ("sa_encoder", "g_encoder")


def check_roles(networks: Mapping[str, ir.Network], outputs: Mapping[str, Type], collector: Collector) -> None:
    """Check the roles among the networks; `outputs` are the types that the sound ones give."""
    if "actor" in outputs and not outputs["actor"].distribution:
        help = "end it in `gaussian`, or in `gaussian8` for eight actions"
        message = f"an actor must end in a gaussian; this gives {outputs['actor']}"
        collector.add(Diagnostic("E0401", message, end(networks["actor"]), help=help))
    for role in ENCODERS:
        if role in outputs and outputs[role].distribution:
            message = f"`{role}` gives a distribution; an encoder gives a vector"
            collector.add(Diagnostic("E0402", message, end(networks[role]), help="end it in a dense layer: `dense64`"))
    if all(role in outputs for role in ENCODERS):
        check_widths(networks, outputs, collector)


def check_widths(networks: Mapping[str, ir.Network], outputs: Mapping[str, Type], collector: Collector) -> None:
    first, second = (outputs[role] for role in ENCODERS)
    if first.agrees_with(second) or first.distribution or second.distribution:
        return
    other = end(networks["sa_encoder"])
    secondary = ((other, f"`sa_encoder` gives {first}"),) if other else ()
    message, label = "the encoders must end in the same width", f"`g_encoder` gives {second}"
    help = f"their distance is the energy; end both in `dense{first.width}`"
    collector.add(Diagnostic("E0403", message, end(networks["g_encoder"]), label, secondary, help=help))


def end(node: ir.Node) -> Span | None:
    """Where a network ends: the span of its last item."""
    children = ir.children(node)
    if isinstance(node, ir.Sequence | ir.Network | ir.Cast) and children:
        return end(children[-1]) or node.span
    return node.span
