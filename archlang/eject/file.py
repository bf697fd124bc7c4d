"""Networks → the text of a file: what it is made from, imports, helpers, blocks, a class for each network."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import Any

from archlang import ir
from archlang.diagnostics import Collector, Diagnostic
from archlang.eject import helpers
from archlang.eject.blocks import Blocks, network_text
from archlang.eject.expressions import Call, lines
from archlang.eject.identifiers import SHOWN, Names, class_name, harmless, literal
from archlang.eject.layers import WRITERS
from archlang.infer import output_type
from archlang.passes.canonicalize import canonicalize
from archlang.passes.rewrite import bottom_up
from archlang.types import Type
from archlang.unparse import unparse

# Each import with the signs of its use.
IMPORTS = {
    r"Callable\[": "from collections.abc import Callable",
    r"\breduce\(": "from functools import reduce",
    r"\bisqrt\(": "from math import isqrt",
    r"\bAny\b": "from typing import Any",
}
LIBRARIES = {r"\bjax\.": "import jax", r"\bjnp\.": "import jax.numpy as jnp", r"\bnnx\.": "from flax import nnx"}
TAKEN = ("Any", "Callable", "NETWORKS", *helpers.CONSTANTS, *helpers.HELPERS)
PATHS = "Parameters have the paths and shapes that they have in archlang: `nnx.update(module, state)` takes trained ones."
MAIN = """
if __name__ == "__main__":
    for name, network in NETWORKS.items():
        parameters = nnx.state(network(rngs=nnx.Rngs(0)), nnx.Param)
        print(f"{name}: {sum(array.size for array in jax.tree.leaves(parameters)):,} parameters")
"""


def flax_source(networks: Mapping[str, ir.Network], in_features: Mapping[str, int]) -> str:
    """A Flax file with a class for each network, for inputs `[batch, in_features[name]]`.

    Its modules have the parameters of the lowered ones, in the same places and from the same seed with the same values, and
    give the same outputs. The networks are checked. Raises `SpecError` (E0804) where a layer is a plug-in's.
    """
    refuse_plugins(networks)
    bodies = {name: plain(canonicalize(network.body)) for name, network in networks.items()}
    names = Names(TAKEN)
    classes = {name: names.take(class_name(name)) for name in bodies}
    blocks, wholes = Blocks(names), []
    for name, body in bodies.items():
        x = Type.of_input(in_features[name])
        wholes.append(network_text(classes[name], blocks.row(body, x), f"{shapes(x, output_type(body, x))}: {unparse(body)}"))
    text = "\n\n\n".join((*helpers.written(blocks.helpers), *blocks.texts, *wholes))
    gap = "\n" if text[0].isupper() else "\n\n"  # before a constant, or before a class or a function
    return f"{head(bodies)}\n\n{imports(text)}\n{gap}{text}\n\n\n{listing(classes)}\n{MAIN}"


def shapes(x: Type, y: Type) -> str:
    """`[…, 13] → […, 64]`."""
    return f"[…, {x.width}] → {'mean and log_std ' if y.distribution else ''}[…, {y.width}]"


def refuse_plugins(networks: Mapping[str, ir.Network]) -> None:
    """Raise E0804 for each layer, once for a network, that this package does not have."""
    collector = Collector()
    for network in networks.values():
        others = [node for node in layers(network) if node.name not in WRITERS]
        for node in {node.name: node for node in reversed(others)}.values():
            message = f"`{node.name}` is a layer of another package, which the file would need"
            help = "leave it away, or build the network with `archlang.lower.build`"
            collector.add(Diagnostic("E0804", message, node.span, help=help), network.name)
    collector.raise_if_any()


def layers(node: ir.Node) -> Iterator[ir.Layer]:
    """The layers of a node in the order of the text."""
    todo = [node]
    while todo:
        node = todo.pop()
        todo += reversed(ir.children(node))
        if isinstance(node, ir.Layer):
            yield node


def plain(body: ir.Node) -> Any:
    """The body without the annotations that say what holds anyway, so that its text is short."""
    return bottom_up(body, without_defaults)


def without_defaults(node: ir.Node) -> ir.Node:
    """A stack inside a stack, and one of one copy, keep theirs: they are loops of their own by what is said of them."""
    if not isinstance(node, ir.Repeat) or node.count == 1 or isinstance(node.body, ir.Repeat):
        return node
    remat, unroll = (None if node.remat == ir.DEFAULT_REMAT else node.remat), (None if node.unroll == 1 else node.unroll)
    return node.model_copy(update={"remat": remat, "unroll": unroll})


# --- parts of the file ------------------------------------------------------------------------------------------------------


def head(bodies: Mapping[str, ir.Node]) -> str:
    """The docstring: by which archlang, and the networks in its language."""
    specs = [line for name, body in bodies.items() for line in folded(harmless(f"{name} = {unparse(body)}"))]
    return "\n".join((f'"""Written by {maker()}; it needs flax and jax alone.', "", *specs, "", PATHS, '"""'))


def folded(spec: str) -> list[str]:
    """A specification on lines that are not too long; in the language, line breaks are white space."""
    return wrap(spec, SHOWN, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def maker() -> str:
    from importlib.metadata import PackageNotFoundError, version  # here, because it takes long to import

    try:
        return f"archlang {version('archlang')}"
    except PackageNotFoundError:
        return "archlang"


def imports(text: str) -> str:
    found = ["\n".join(line for sign, line in group.items() if re.search(sign, text)) for group in (IMPORTS, LIBRARIES)]
    return "\n\n".join(filter(None, found))


def listing(classes: Mapping[str, str]) -> str:
    """The networks by their names."""
    items = Call("{", tuple(f"{literal(name)}: {class_}" for name, class_ in classes.items()), "}")
    return "\n".join(lines(items, before="NETWORKS = "))
