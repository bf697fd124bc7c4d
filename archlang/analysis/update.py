"""What an update needs beside the parameters and what the optimizer keeps: gradients, and what they are computed from.

A backward pass goes from the last layer to the first. What was kept for a layer goes when it is done, and its gradient comes
and stays; so the most is needed at one of the layers. The update of contrastive RL has two halves, one after the other: the
actor's, which goes back through `sa_encoder` first, and the critic's: first all of `sa_encoder`, then all of `g_encoder`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from archlang import ir
from archlang.analysis.params import num_params
from archlang.analysis.parts import parts
from archlang.analysis.residuals import Residuals
from archlang.analysis.saved import again_bytes, residuals
from archlang.types import Type

FLOAT = 4  # bytes of a parameter, and of its gradient
TILE, SLICE = 2048, 32  # entries of a product that one core computes; the fewest rows that are a part of their own
VALUES = 3  # of a layer's width, held at once between the operations of a copy


@dataclass(frozen=True)
class Pass:
    """The passes of a network over a batch, in bytes: what is `kept` between them, and the `peak` of the backward pass.

    `early`: gradients that are there from the start; `moment`: the most that is held for a moment.
    """

    kept: int
    peak: int
    early: int
    moment: int


def passes(network: ir.Node, x: Type, batch: int, cores: int = 132) -> Pass:
    """What a network that is learned needs for a batch of rows of type `x`, on a GPU of so many cores."""
    items = list(in_a_row(network, x))
    gradients = [FLOAT * num_params(item, seen) for item, seen in items]
    early = [size * begins_early(item) for size, (item, _) in zip(gradients, items, strict=True)]
    moments = [batch * held(item, seen) + workspace(item, seen, batch, cores) for item, seen in items]
    kept = [batch * prefix.everything.beside_input for prefix in prefixes(items)]
    after, before, peak = sum(gradients), 0, 0
    for i in range(len(items)):
        peak = max(peak, kept[i] + moments[i] + after + before)
        after, before = after - gradients[i], before + early[i]
    return Pass(kept[-1], peak, sum(early), max(moments))


def critic_bytes(sa_encoder: Pass, g_encoder: Pass) -> int:
    """The most that the critic's half holds."""
    return max(sa_encoder.peak + g_encoder.kept + g_encoder.early, g_encoder.peak)


def actor_bytes(actor: Pass, sa_encoder: Pass) -> int:
    """The most that the actor's half holds."""
    return max(actor.kept + actor.early + sa_encoder.kept + sa_encoder.moment, actor.peak)


def any_bytes(networks: Mapping[str, Pass], gradients: int) -> int:
    """The most that an update of any networks at once holds."""
    return gradients + sum(each.kept + each.moment for each in networks.values())


def in_a_row(node: ir.Node, x: Type) -> Iterator[tuple[ir.Node, Type]]:
    """The things in sequence that a network is, with the types of their inputs."""
    if isinstance(node, ir.Network | ir.Sequence | ir.Cast):
        for part, seen, _ in parts(node, x):
            yield from in_a_row(part, seen)
        return
    yield node, x


def prefixes(items: list[tuple[ir.Node, Type]]) -> Iterator[Residuals]:
    """What is kept of the first items, for one after the other."""
    made = Residuals()
    for item, seen in items:
        made = made.then(residuals(item, seen))
        yield made


def begins_early(item: ir.Node) -> bool:
    """jax's own loop has its gradients from the start; ours, under the other policies, once it begins."""
    return isinstance(item, ir.Repeat) and item.is_loop and item.remat == "none"


def held(item: ir.Node, x: Type) -> int:
    """Bytes of a row that are held for a moment."""
    return again_bytes(item, x) if isinstance(item, ir.Repeat) and item.is_loop else 0


def workspace(node: ir.Node, x: Type, batch: int, cores: int) -> int:
    """What lies between the operations of one copy: a few values of its widest layer, and partial sums of its products.

    XLA divides the rows of a product with few entries among the cores, and adds up what they give afterwards: those of all
    gradients of a copy, and those of one value that is passed back.
    """
    products = list(products_in(node, x))
    gradients = sum(partial_sums(rows, columns, batch, cores) for rows, columns in products)
    passed_back = max((partial_sums(batch, rows, columns, cores) for rows, columns in products), default=0)
    widest = max((columns for _, columns in products), default=0)
    return gradients + passed_back + VALUES * FLOAT * batch * widest


def partial_sums(rows: int, columns: int, inner: int, cores: int) -> int:
    """Bytes of the partial sums of a product [rows, inner] x [inner, columns]; as XLA's cost model divides it."""
    parts, tiles = 1, max(1, rows * columns // TILE)
    while 2 * parts * tiles <= 2 * cores and 2 * parts * SLICE <= inner:
        parts *= 2
    return FLOAT * parts * rows * columns if parts > 1 else 0


def products_in(node: ir.Node, x: Type) -> Iterator[tuple[int, int]]:
    """Rows and columns of the matrices in a node; a body once, however many copies."""
    if isinstance(node, ir.Layer):
        size = node.layer.flops(x.width or 0) // 2
        if size and x.width:
            yield x.width, size // x.width
    for part, seen, _ in parts(node, x):
        yield from products_in(part, seen)
