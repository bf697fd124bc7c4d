"""Parameters in two layouts: that of the stacks which a network is written with, and the same network layer by layer.

A stack has one array for all of its copies, with a leading axis; layer by layer, each copy has its own, as if the network had
been written without stacks. That is the layout to compare and to exchange, and the way from one division into stacks to
another.

    dense8, ln, res(dense8, swish)*3     stack.body.body.dense.kernel [3, 8, 8]
    layer by layer                       res_0.body.dense.kernel [8, 8], res_1.…, res_2.…
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from archlang import ir
from archlang.diagnostics import Diagnostic, SpecError
from archlang.naming import in_a_row, names
from archlang.report import lowered_form

Tree = Any  # nested dictionaries, by the names of the modules; their ends are arrays, or variables of nnx
Change = Callable[[ir.Node, Tree], Tree]


def unstack(network: ir.Network, tree: Any) -> Any:
    """What belongs to a network's stacks, layer by layer. The inverse of `stack`.

    `tree` is the state of the lowered network, or its parameters alone, as `nnx.State` or nested dictionaries of arrays; or
    anything that holds such states, as an optimizer's does. Raises `SpecError` (E0801) where a state is not of the network.
    """
    return in_states(tree, lambda state: layers_of(lowered_form(network), state))


def stack(network: ir.Network, tree: Any) -> Any:
    """What is laid out layer by layer, as the network's stacks have it. The inverse of `unstack`."""
    return in_states(tree, lambda state: stacks_of(lowered_form(network), state))


def restack(before: ir.Network, after: ir.Network, tree: Any) -> Any:
    """From one division into stacks to another: from `(…)*250` to `(…)*100, (…)*150`."""
    return stack(after, unstack(before, tree))


# --- from stacks to layers, and back -------------------------------------------------------------------------------------


def layers_of(node: ir.Node, tree: Tree, whole: bool = True) -> Tree:
    """The tree of a node layer by layer; `whole`: the node is that of a network."""
    return named(written_out(node), list(parts(node, tree, whole)), whole)


def parts(node: ir.Node, tree: Tree, whole: bool = False) -> Iterator[Tree]:
    """The trees of the things in sequence that a node is, those of each copy of a stack among them."""
    items = in_a_row(node)
    for item, inner in zip(items, apart(items, tree, whole), strict=True):
        if not isinstance(item, ir.Repeat):
            yield within(item, inner, lambda node, tree: layers_of(node, tree, whole=False))
            continue
        copies = body_of(item, inner)
        for index in range(item.count):
            yield from parts(item.body, ends(lambda end: end[index], copies))  # noqa: B023 - called before the next turn


def stacks_of(node: ir.Node, tree: Tree, whole: bool = True) -> Tree:
    """The inverse of `layers_of`."""
    return gathered(node, iter(apart(written_out(node), tree, whole)), whole)


def gathered(node: ir.Node, trees: Iterator[Tree], whole: bool = False) -> Tree:
    """The tree of a node from those of its things in sequence, copies of stacks put together."""
    items, found = in_a_row(node), []
    for item in items:
        if isinstance(item, ir.Repeat):
            copies = [gathered(item.body, trees) for _ in range(item.count)]
            found.append({"body": together(copies)} if any(copies) else {})
        else:
            found.append(within(item, next(trees), lambda node, tree: stacks_of(node, tree, whole=False)))
    return named(items, found, whole)


def written_out(node: ir.Node) -> list[ir.Node]:
    """The things in sequence that a node is without stacks."""
    found: list[ir.Node] = []
    for item in in_a_row(node):
        found += written_out(item.body) * item.count if isinstance(item, ir.Repeat) else [item]
    return found


def within(node: ir.Node, tree: Tree, change: Change) -> Tree:
    """The tree of one thing, with what is inside it changed."""
    if isinstance(node, ir.Parallel):
        branches = tree.get("branches", {})
        changed = {i: change(branch, branches[i]) for i, branch in enumerate(node.branches) if i in branches}
        return {"branches": changed} if changed else {}
    inside = {name: child for name in ("body", "post") if (child := getattr(node, name, None)) is not None}
    changed = {name: change(child, tree[name]) for name, child in inside.items() if name in tree}
    return {**tree, **changed}


# --- trees ----------------------------------------------------------------------------------------------------------------


def named(items: Sequence[ir.Node], trees: Sequence[Tree], whole: bool = False) -> Tree:
    """The tree of things in sequence; of one thing, its own, unless it is a whole network."""
    if len(items) == 1 and not whole:
        return trees[0]
    return {name: tree for name, tree in zip(names(items), trees, strict=True) if tree}


def apart(items: Sequence[ir.Node], tree: Tree, whole: bool = False) -> list[Tree]:
    """The inverse of `named`."""
    if len(items) == 1 and not whole:
        return [tree]
    known = names(items)
    refuse(next((name for name in tree if name not in known), None), known)
    return [tree.get(name, {}) for name in known]


def body_of(node: ir.Repeat, tree: Tree) -> Tree:
    """What the copies of a stack have, each array with a leading axis of their number."""
    refuse(next((name for name in tree if name != "body"), None), ("body",))
    body = tree.get("body", {})
    for end in jax.tree.leaves(body):
        if end.shape[:1] != (node.count,):
            raise other(f"an array of a stack of {node.count:,} copies has the shape {list(end.shape)}")
    return body


def refuse(name: Any, known: Sequence[str]) -> None:
    if name is not None:
        listed = ", ".join(islice(known, 6)) + (", …" if len(known) > 6 else "")
        raise other(f"there is no `{name}` in the network at that place, but {listed or 'nothing'}")


def other(why: str) -> SpecError:
    return SpecError([Diagnostic("E0801", f"these are not parameters of this network: {why}")])


def together(trees: Sequence[Tree]) -> Tree:
    """Trees of one form as one, with a leading axis."""
    first = trees[0]
    if isinstance(first, Mapping):
        refuse_unlike(trees)
        return {name: together([tree[name] for tree in trees]) for name in first}
    arrays = [value_of(tree) for tree in trees]
    if any(array.shape != arrays[0].shape for array in arrays):
        raise other("the copies of a stack have arrays of unlike shape")
    return with_value(first, jnp.stack(arrays))


def refuse_unlike(copies: Sequence[Tree]) -> None:
    """Raise E0801 with the first thing that not all copies of a stack have."""
    for number, copy in enumerate(copies, start=1):
        for name in copies[0].keys() ^ copy.keys():
            lacking = number if name in copies[0] else 1
            raise other(f"the copies of a stack differ in what they have: number {lacking:,} has no `{name}`")


def ends(function: Callable[[Any], Any], tree: Tree) -> Tree:
    """The tree with each array at its ends changed."""
    if isinstance(tree, Mapping):
        return {name: ends(function, inner) for name, inner in tree.items()}
    return with_value(tree, function(value_of(tree)))


def value_of(end: Any) -> Any:
    return end.get_value() if isinstance(end, nnx.Variable) else end


def with_value(end: Any, value: Any) -> Any:
    return end.replace(value) if isinstance(end, nnx.Variable) else value


# --- states ---------------------------------------------------------------------------------------------------------------


def in_states(tree: Any, change: Callable[[Tree], Tree]) -> Any:
    """The tree with every state in it changed."""

    def changed(value: Any) -> Any:
        refuse_module(value)
        if isinstance(value, nnx.State):
            return nnx.from_flat_state(flat(change(nested(value))))
        return change(value) if is_state(value) else value

    return jax.tree.map(changed, tree, is_leaf=lambda value: is_state(value) or isinstance(value, nnx.Pytree))


def refuse_module(value: Any) -> None:
    """Raise E0801 for a module, or an optimizer, where its state belongs."""
    if isinstance(value, nnx.Pytree):
        message = f"parameters are taken as the state of a module; got a whole `{type(value).__name__}`"
        help = "`nnx.state(module)`; of an `nnx.Optimizer`, its `opt_state`"
        raise SpecError([Diagnostic("E0801", message, help=help)])


def is_state(value: Any) -> bool:
    """An `nnx.State`, or nested dictionaries that hold none."""
    holds = (isinstance(leaf, nnx.State) for leaf in jax.tree.leaves(value, is_leaf=lambda leaf: isinstance(leaf, nnx.State)))
    return isinstance(value, nnx.State) or (isinstance(value, Mapping) and not any(holds))


def nested(state: nnx.State[Any, Any]) -> Tree:
    """A state as nested dictionaries whose ends are variables."""
    tree: Tree = {}
    for path, variable in nnx.to_flat_state(state):
        inner = tree
        for name in path[:-1]:
            inner = inner.setdefault(name, {})
        inner[path[-1]] = variable
    return tree


def flat(tree: Tree, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    """Nested dictionaries as pairs of path and end."""
    if not isinstance(tree, Mapping):
        return [(path, tree)]
    return [pair for name, inner in tree.items() for pair in flat(inner, (*path, name))]
