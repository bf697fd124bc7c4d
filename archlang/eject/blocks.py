"""Nodes → classes. Attributes have the names that they have in the lowered module, and are made in the same order.

Layers without parameters are calls of functions; everything else is a module. Bodies that come to the same text share a class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from archlang import ir
from archlang.eject.expressions import Call, Expression, call, lines, listed
from archlang.eject.identifiers import Names, docstring
from archlang.eject.layers import WRITERS, Written, gate
from archlang.infer import output_type, summed
from archlang.naming import in_a_row, names
from archlang.types import Type
from archlang.unparse import unparse

WIDEST = 60  # columns of calls around each other on one line
FEW = 3  # branches that are written side by side
ARRAY, PAIR = "jax.Array", "tuple[jax.Array, jax.Array]"
DTYPES = {"f32": "jnp.float32", "bf16": "jnp.bfloat16"}
PAIR_BACK = ("mean, log_std = {inside}", "return mean.astype(x.dtype), log_std.astype(x.dtype)")
POLICIES = {
    "none": "policy=jax.checkpoint_policies.everything_saveable",
    "full": "policy=jax.checkpoint_policies.nothing_saveable",
}
BIASES = {"sigmoid": 0.0, "highway": -1.0}
CONCAT = "jnp.concatenate({}, axis=-1)"
SUMS = {None: "x + {y}", "sigmoid": "x + t * y", "highway": "(1 - t) * x + t * y"}


@dataclass(frozen=True)
class Body:
    """What a class has: the modules by their names, the lines of its call, and what that takes and gives."""

    modules: tuple[tuple[str, Call], ...]
    lines: tuple[str, ...]
    gives: str = ARRAY
    root: bool = False
    changes: bool = False


@dataclass
class Blocks:
    """The classes of a file, those that others are made of first, and what else the file needs."""

    names: Names
    classes: dict[Body, str] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    helpers: set[str] = field(default_factory=set)

    def written(self, node: ir.Node, x: Type, wanted: str) -> Written:
        """How a node is written for inputs of type `x`; `wanted` names the class of things in sequence."""
        found = BUILDERS[type(node)](self, node, x, wanted)
        self.helpers |= found.helpers
        return found

    def module(self, node: ir.Node, x: Type, wanted: str) -> tuple[Written, Call]:
        """The same as a module, where a function alone would not do."""
        found = self.written(node, x, wanted)
        if found.made is None:
            found = self.block(node, self.row(node, x), type(layer_of(node)).__name__)
        assert found.made is not None
        return found, found.made

    def block(self, node: ir.Node, body: Body, wanted: str) -> Written:
        """A node as a class of its own; one that says the same is used again."""
        if body not in self.classes:
            self.classes[body] = self.names.take(wanted)
            self.texts.append(class_text(self.classes[body], body, unparse(node)))
        made = call(self.classes[body], *(("rngs=rngs",) if body.modules else ()))
        return Written("{self}({x}, root)" if body.root else "{self}({x})", made, root=body.root, changes=body.changes)

    def row(self, node: ir.Node, x: Type) -> Body:
        """Things in sequence."""
        items, parts = in_a_row(node), []
        for name, item in zip(names(items), items, strict=True):
            parts.append((name, self.written(item, x, "")))
            x = output_type(item, x)
        return body_of(parts, steps(parts), x)


# --- nodes ----------------------------------------------------------------------------------------------------------------


def layer(blocks: Blocks, node: ir.Layer, x: Type, wanted: str) -> Written:
    return WRITERS[node.name](node.layer, x)


def layer_of(node: ir.Node) -> Any:
    """The layer that a node comes to which is written as a function."""
    (only,) = in_a_row(node)
    assert isinstance(only, ir.Layer)
    return only.layer


def chain(blocks: Blocks, node: ir.Node, x: Type, wanted: str) -> Written:
    """Things in sequence as one; one thing as its own."""
    items = in_a_row(node)
    return blocks.written(items[0], x, wanted) if len(items) == 1 else blocks.block(node, blocks.row(node, x), wanted)


def residual(blocks: Blocks, node: ir.Residual, x: Type, wanted: str) -> Written:
    parts = [("body", blocks.written(node.body, x, "Body"))]
    if node.gate is not None:
        parts.append(("gate", Written("{self}({x})", gate(BIASES[node.gate], x), frozenset({"Gate", "LECUN_UNIFORM"}))))
    if node.post is not None:
        parts.append(("post", blocks.written(node.post, summed(node, x), "Post")))
    blocks.helpers.update(*(part.helpers for _, part in parts))
    return blocks.block(node, body_of(parts, sum_lines(node, dict(parts)), output_type(node, x)), named(wanted, "Residual"))


def sum_lines(node: ir.Residual, parts: Mapping[str, Written]) -> tuple[str, ...]:
    """`return x + 0.1 * self.body(x)`, or with a gate in three lines."""
    y = parts["body"].to("x", "self.body")
    y = y if node.scale is None else f"{node.scale!r} * {y}"
    total = SUMS[node.gate].format(y=y)
    before = () if node.gate is None else (f"y = {y}", "t = self.gate(x)")
    return (*before, f"return {total if node.post is None else parts['post'].to(total, 'self.post')}")


def parallel(blocks: Blocks, node: ir.Parallel, x: Type, wanted: str) -> Written:
    branches = [blocks.module(branch, x, "Branch") for branch in node.branches]
    made = call("nnx.List", listed(*(made for _, made in branches)))
    found = [part for part, _ in branches]
    root, changes = any(part.root for part in found), any(part.changes for part in found)
    body = Body((("branches", made),), tuple(join_lines(node.join, found)), root=root, changes=changes)
    return blocks.block(node, body, named(wanted, "Parallel"))


def join_lines(join: str, branches: list[Written]) -> Iterable[str]:
    """A few branches are written side by side; more are called one after the other."""
    calls = [part.to("x", f"self.branches[{i}]") for i, part in enumerate(branches)]
    if len(calls) <= FEW:
        return (f"return {' + '.join(calls)}" if join == "sum" else f"return {CONCAT.format(listed(*calls))}",)
    alike = len({part.put for part in branches}) == 1
    outputs: Expression = f"[{branches[0].to('x', 'branch')} for branch in self.branches]" if alike else listed(*calls)
    joined = "reduce(jnp.add, outputs)" if join == "sum" else CONCAT.format("outputs")
    return (*(line[8:] for line in lines(outputs, before="outputs = ", indent=8)), f"return {joined}")


def cast(blocks: Blocks, node: ir.Cast, x: Type, wanted: str) -> Written:
    inner = x.with_dtype(node.dtype)
    part = blocks.written(node.body, inner, "Body")
    inside = part.to(f"x.astype({DTYPES[node.dtype]})", "self.body")
    y = output_type(node, x)
    said = PAIR_BACK if y.distribution else ("return {inside}.astype(x.dtype)",)
    body = body_of([("body", part)], tuple(line.format(inside=inside) for line in said), y)
    return blocks.block(node, body, named(wanted, "Cast"))


def repeat(blocks: Blocks, node: ir.Repeat, x: Type, wanted: str) -> Written:
    if not node.is_loop:
        return chain(blocks, node, x, wanted)
    part, made = blocks.module(node.body, x, "Block")
    remat, unroll = node.remat or ir.DEFAULT_REMAT, node.unroll or 1
    options = (POLICIES.get(remat), None if unroll == 1 else f"unroll={unroll}", "rngs=rngs")
    function = "NestedStack" if remat == "nested" else "Stack"
    stack = call(function, maker(made), f"{node.count}", *filter(None, options))
    asked = {"policy": remat in POLICIES, "unroll": unroll != 1, "nested": remat == "nested"}
    flags = asked | {"root": part.root, "changes": part.changes}
    constants = ("DOTS",) if remat in POLICIES else ()
    helpers = frozenset({"Stack", function, *constants, *(f"Stack.{flag}" for flag, needed in flags.items() if needed)})
    return Written(part.put, stack, helpers, root=part.root, changes=part.changes)


def maker(made: Call) -> Expression:
    """What makes a module from `rngs`: its class, where that takes nothing else."""
    if made.items == ("rngs=rngs",):
        return made.head[:-1]
    return Call(f"lambda rngs: {made.head}", made.items, made.tail)


def named(wanted: str, kind: str) -> str:
    """What a stack repeats is a block, whatever it is."""
    return wanted if wanted == "Block" else kind


BUILDERS: dict[type[ir.Node], Callable[[Blocks, Any, Type, str], Written]] = {
    ir.Layer: layer,
    ir.Sequence: chain,
    ir.Residual: residual,
    ir.Repeat: repeat,
    ir.Parallel: parallel,
    ir.Cast: cast,
}


# --- classes --------------------------------------------------------------------------------------------------------------


def body_of(parts: list[tuple[str, Written]], lines: tuple[str, ...], y: Type) -> Body:
    """What a class has that is made of parts, one for each attribute, and gives a value of type `y`."""
    made = tuple((name, part.made) for name, part in parts if part.made is not None)
    root, changes = any(part.root for _, part in parts), any(part.changes for _, part in parts)
    return Body(made, lines, PAIR if y.distribution else ARRAY, root, changes)


def steps(parts: Iterable[tuple[str, Written]]) -> tuple[str, ...]:
    """Calls one after the other; norms and activations stand around what they are put to."""
    found, value = [], "x"
    for name, part in parts:
        around = part.to(value, f"self.{name}")
        if value != "x" and not (part.wraps and len(around) <= WIDEST):
            found.append(f"x = {value}")
            around = part.to("x", f"self.{name}")
        value = around
    return (*found, f"return {value}")


def class_text(name: str, body: Body, spec: str) -> str:
    """A class that others are made of; it takes the network's input where something inside it does."""
    root = ", root: jax.Array" if body.root else ""
    made = constructor(body) if body.modules else []
    return "\n".join((*head(name, spec), *made, *caller(body, f"x: jax.Array{root}", body.lines)))


def network_text(name: str, body: Body, spec: str) -> str:
    """The class of a whole network; its own input is the network's."""
    first = ("root = x",) if body.root else ()
    return "\n".join((*head(name, spec), *constructor(body), *caller(body, "x: jax.Array", (*first, *body.lines))))


def head(name: str, spec: str) -> list[str]:
    return [f"class {name}(nnx.Module):", docstring(spec), ""]


def constructor(body: Body) -> list[str]:
    made = [line for name, module in body.modules for line in lines(module, before=f"self.{name} = ", indent=8)]
    return ["    def __init__(self, *, rngs: nnx.Rngs):", *(made or ["        pass"]), ""]


def caller(body: Body, takes: str, said: Iterable[str]) -> list[str]:
    return [f"    def __call__(self, {takes}) -> {body.gives}:", *(f"        {line}" for line in said)]
