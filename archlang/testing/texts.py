"""Strategies for whole specifications as people write them; what each means is known before it is parsed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import strategies as st

from archlang import ir
from archlang.infer import output_type
from archlang.testing.drafts import Definition, Draft, picked, put, sequence, walk, written
from archlang.testing.layouts import laid_out
from archlang.testing.networks import Draw, Sizes, networks
from archlang.testing.outlines import OUTLINES, glue
from archlang.types import Type

Meaning = dict[str, ir.Expression]
Form = Callable[[ir.Expression, Type], tuple[Draft, Meaning]]


@dataclass(frozen=True)
class Text:
    """A specification, an input width that all its networks take, and what they are at the default point of its grid."""

    text: str
    in_features: int
    networks: Mapping[str, ir.Expression]


PICK = st.integers(0, 2**16)
COPIES = st.lists(st.tuples(PICK, PICK), max_size=2)
STEPS = st.lists(st.tuples(st.sampled_from(OUTLINES), PICK, PICK), max_size=8)
LAYOUT = st.lists(st.tuples(PICK, PICK), max_size=8)


ANY = Sizes(casts=True, heads=True)


@st.composite
def texts(draw: Draw, sizes: Sizes = ANY, depth: int = 2) -> Text:
    """A specification that parses, and checks for its width at every point of its grid.

    First a network is drawn, then ways to write it: definitions with and without parameters, axes, lists, arithmetic, comments,
    odd layout. So a failure shrinks to a small network that is written plainly but for what breaks it. Counts in `sizes` must
    be small enough to write out.
    """
    network, width = draw(networks(sizes, depth))
    body: Any = network.body
    for pick, seed in draw(COPIES):
        body = with_copies(body, pick, Random(seed))
    draft, meaning = draw(FORM)(body, Type.of_input(width))
    for outline, pick, seed in draw(STEPS):
        outline(draft, pick, Random(seed))
    random = Random(draw(PICK))
    glue(draft, random)
    lines = draft.lines()
    random.shuffle(lines)
    text = laid_out(lines, draw(LAYOUT))
    return Text(text.replace("\n", "\r\n") if draw(st.booleans()) else text, width, meaning)


# --- what a file defines ----------------------------------------------------------------------------------------------


def expression(body: ir.Expression, x: Type) -> tuple[Draft, Meaning]:
    """No name, as long as no other definition is needed."""
    return Draft([Definition("network", [body])], anonymous=True), {"network": body}


def file(body: ir.Expression, x: Type) -> tuple[Draft, Meaning]:
    """One network, or two around a common trunk."""
    return Draft([Definition("net", [body])]), {"net": body}


def two(body: ir.Expression, x: Type) -> tuple[Draft, Meaning]:
    return around(body, {"net": lambda trunk: sequence(RMS, trunk), "net2": lambda trunk: trunk})


def roles(body: ir.Expression, x: Type) -> tuple[Draft, Meaning]:
    """The three networks that the runtime trains, or an actor."""
    if output_type(body, x).distribution:
        return Draft([Definition("actor", [body])]), {"actor": body}
    return around(body, ROLES)


def around(body: ir.Expression, wholes: Mapping[str, Callable[[ir.Expression], ir.Expression]]) -> tuple[Draft, Meaning]:
    definitions = [Definition(name, [whole(written("trunk"))]) for name, whole in wholes.items()]
    return Draft([*definitions, Definition("trunk", [body])]), {name: whole(body) for name, whole in wholes.items()}


def dense(features: int) -> ir.Layer:
    return ir.Layer(name="dense", arguments=(("features", features),))


RMS, SWISH = ir.Layer(name="rms"), ir.Layer(name="swish")
GAUSSIAN = ir.Layer(name="gaussian", arguments=(("action_dim", 2),))
ROLES: Mapping[str, Callable[[ir.Expression], ir.Expression]] = {
    "actor": lambda trunk: sequence(trunk, GAUSSIAN),
    "sa_encoder": lambda trunk: sequence(trunk, dense(3)),
    "g_encoder": lambda trunk: sequence(trunk, SWISH, dense(3)),
}
FORM: st.SearchStrategy[Form] = st.sampled_from((expression, file, two, roles))


# --- copies -----------------------------------------------------------------------------------------------------------


def with_copies(body: ir.Expression, pick: int, random: Random) -> Any:
    """The body with units in the place of a dense layer that differ in numbers alone: what lists and parameters are for."""
    found = [(path, node) for path, node in walk(body) if isinstance(node, ir.Layer) and node.name == "dense"]
    chosen = picked(found, pick)
    if chosen is None:
        return body
    path, layer = chosen
    widths = [*(random.randint(1, 8) for _ in range(random.randint(1, 3))), dict(layer.arguments)["features"]]
    behind = random.choice(BEHIND)
    units = [behind(ir.Layer(name=layer.name, arguments=(("features", width), *layer.arguments[1:]))) for width in widths]
    return put(body, path, sequence(*units))


def dropout(tenths: int) -> ir.Layer:
    return ir.Layer(name="dropout", arguments=(("rate", tenths / 10),))


BEHIND: tuple[Callable[[ir.Layer], ir.Expression], ...] = (
    lambda layer: layer,
    lambda layer: sequence(layer, RMS, SWISH),
    lambda layer: sequence(layer, dropout(int(dict(layer.arguments)["features"]) % 10)),
)
