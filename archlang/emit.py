"""What a specification is at each stage of the compiler, as text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping

from archlang import ir, syntax
from archlang.diagnostics import SpecError
from archlang.passes.canonicalize import canonicalize
from archlang.passes.roll import roll
from archlang.pipeline import right
from archlang.report import Inputs
from archlang.schema import VERSION
from archlang.source import Source, Span
from archlang.spec import Spec
from archlang.unparse import unparse


def emit(stage: str, spec: Spec, inputs: Inputs) -> str:
    """The stage of that name. Raises `SpecError` where the specification is wrong."""
    return STAGES[stage](spec, inputs)


def tree(spec: Spec, inputs: Inputs) -> str:
    """The surface tree: a line for each node, with its place and what was written there; the file where it is another."""
    if spec.file.mistakes:
        raise SpecError(spec.file.mistakes)
    nodes = (*spec.file.uses, *spec.file.definitions, *([spec.file.expression] if spec.file.expression else []))
    return "\n".join(line for node in nodes for line in branch(node, spec.file.source))


def branch(node: syntax.Node, own: Source) -> Iterator[str]:
    todo = [(node, 0)]
    while todo:
        node, depth = todo.pop()
        yield f"{'  ' * depth}{type(node).__name__}  {place(node.span, own)}  {node.span.first_line}"
        todo += [(child, depth + 1) for child in reversed(tuple(syntax.children(node)))]


def place(span: Span, own: Source) -> str:
    file = "" if span.source is own else f"{span.source.name}:"
    return f"{file}{span.line}:{span.column}"


def text(spec: Spec, inputs: Inputs) -> str:
    """The networks in the language, in canonical form, with every definition put in."""
    return "\n".join(f"{name} = {unparse(canonicalize(network.body))}" for name, network in networks(spec, inputs).items())


def networks(spec: Spec, inputs: Inputs) -> Mapping[str, ir.Network]:
    """The networks of a specification without mistakes."""
    return right(spec, inputs, None)


def as_json(change: Callable[[ir.Network, str, Inputs], ir.Network]) -> Callable[[Spec, Inputs], str]:
    """The networks as data, each changed by a pass."""

    def stage(spec: Spec, inputs: Inputs) -> str:
        made = {name: change(network, name, inputs) for name, network in networks(spec, inputs).items()}
        data = {name: network.model_dump(mode="json") for name, network in made.items()}
        return json.dumps({"version": VERSION, "networks": data})

    return stage


STAGES: Mapping[str, Callable[[Spec, Inputs], str]] = {
    "syntax": tree,
    "text": text,
    "ir": as_json(lambda network, name, inputs: network),
    "canonical": as_json(lambda network, name, inputs: canonicalize(network)),
    "rolled": as_json(lambda network, name, inputs: roll(canonicalize(network), inputs.of(name))),
}
