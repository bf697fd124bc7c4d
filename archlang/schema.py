"""Networks as JSON: the schema of what `archlang emit ir` prints for each network, and reading it back.

`model_dump_json` of a network writes it exactly; `from_json` reads it, and says what is wrong with what it cannot read. The
limits of texts hold for JSON too, but for brackets, of which it has none: a sequence in a sequence is no deeper.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from archlang import ir, pieces
from archlang.diagnostics import Diagnostic, SpecError
from archlang.limits import MAX_NODES
from archlang.pieces import Piece
from archlang.wrong import Wrong, wrong

# Raise it with every change after which a network that was written before is read differently, or not at all: a field or a
# kind of node that goes, gets another name or another meaning. A new field with a default, or a new layer, keeps it.
VERSION = 1
KINDS = frozenset({"layer", "sequence", "residual", "repeat", "parallel", "cast"})  # pydantic names them within a place


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a network. `version` says which form of it this is.

    >>> schema()["version"], schema()["required"]
    (1, ['name', 'body'])
    """
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "archlang network", "version": VERSION}
    return head | {key: value for key, value in ir.Network.model_json_schema(mode="serialization").items() if key != "title"}


def from_json(text: str | bytes) -> ir.Network:
    """The network that `model_dump_json` wrote. Raises `SpecError` with everything that is wrong, each with its place, or with
    the first limit of texts that it breaks.

    >>> from_json('{"name": "net", "body": {"kind": "layer", "name": "ln"}}').body
    Layer(kind='layer', name='ln', arguments=())
    """
    try:
        network = ir.Network.model_validate_json(text)
    except ValidationError as error:
        raise SpecError([diagnostic(found) for found in error.errors()]) from None
    if has_span(network):
        raise SpecError([Diagnostic("E0001", "a network in JSON has no `span`: it stands in no text")])
    try:
        counted(network.body)
    except Wrong as mistake:
        raise SpecError(mistake.diagnostics) from None
    return network


def has_span(node: ir.Node) -> bool:
    return node.span is not None or any(map(has_span, ir.children(node)))


def counted(node: Any) -> Piece:
    """A node with what a text counts of it. Raises `Wrong` where that is more than a text may say."""
    inside = [counted(child) for child in ir.children(node)]
    if isinstance(node, ir.Repeat):
        refuse_unroll(node)
        copies = pieces.stack if node.stacked else pieces.times
        return copies(inside[0], node.count, node.span)
    whole = pieces.together(node, inside) if inside else Piece(node)
    return pieces.within_limits(whole) if isinstance(node, ir.Layer | ir.Sequence) else pieces.around(whole, node)


def refuse_unroll(node: ir.Repeat) -> None:
    most = min(node.count, MAX_NODES)
    if node.unroll is not None and node.unroll > most:
        raise wrong("E0208", f"`unroll` is {node.unroll:,}; of {node.count:,} copies at most {most:,} are unrolled", node.span)


def diagnostic(error: Any) -> Diagnostic:
    """What pydantic found, in one line: `body.items.2: no such layer: dens{}`."""
    place = ".".join(str(part) for part in error["loc"] if part not in KINDS)
    said = error["msg"].removeprefix("Value error, ")
    help = "`archlang schema` prints the schema" if error["type"] != "value_error" else None
    return Diagnostic("E0001", f"{place}: {said}" if place else f"no network: {said}", help=help)
