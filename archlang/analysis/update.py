"""What an update needs beside the parameters and what the optimizer keeps: gradients, and what they are computed from.

A backward pass goes from the last layer to the first. What was kept for a layer goes when it is done, and its gradient comes
and stays; so the most is needed at one of the layers. The update of contrastive RL has two halves, one after the other: the
actor's, which goes back through `sa_encoder` first, and the critic's: first all of `sa_encoder`, then all of `g_encoder`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from archlang import ir
from archlang.analysis.params import num_params
from archlang.analysis.parts import parts
from archlang.analysis.residuals import Residuals
from archlang.analysis.saved import again_bytes, residuals
from archlang.names import ROLES
from archlang.types import Type

GRADIENTS, SAVED, LOSS, WORKSPACE = "gradients", "saved activations", "loss", "workspace"  # terms
FLOAT = 4  # bytes of a parameter, and of its gradient
TILE, SLICE = 2048, 32  # entries of a product that one core computes; the fewest rows that are a part of their own
VALUES = 3  # of a layer's width, held at once between the operations of a copy


@dataclass(frozen=True)
class Share:
    """Bytes of a term; of one item of a network, where they are for that."""

    term: str
    bytes: int
    network: str = ""
    node: ir.Node | None = None


@dataclass(frozen=True)
class Moment:
    """What is held at one time, beside what is held always."""

    name: str
    shares: tuple[Share, ...] = ()

    @cached_property
    def total(self) -> int:
        return sum(share.bytes for share in self.shares)

    def beside(self, *shares: Share) -> Moment:
        """The same with more."""
        return Moment(self.name, self.shares + shares)


@dataclass(frozen=True)
class Item:
    """One of the things in sequence that a network is, in bytes: what is kept of it for the backward pass, its gradient, what
    it holds for a moment; and whether its gradient is there from the start."""

    network: str
    node: ir.Node
    kept: int
    gradient: int
    work: int
    early: bool

    def share(self, term: str, size: int) -> Share:
        return Share(term, size, self.network, self.node)

    @property
    def saved(self) -> Share:
        return self.share(SAVED, self.kept)

    @property
    def learned(self) -> Share:
        return self.share(GRADIENTS, self.gradient)

    @property
    def working(self) -> Share:
        return self.share(WORKSPACE, self.work)


@dataclass(frozen=True)
class Pass:
    """The passes of a network over a batch, item by item."""

    network: str
    items: tuple[Item, ...]

    @cached_property
    def saved(self) -> tuple[Share, ...]:
        """What is kept from the forward pass to the backward pass."""
        return tuple(item.saved for item in self.items)

    @cached_property
    def waiting(self) -> tuple[Share, ...]:
        """The same, with the gradients that are there from the start: the network while another's backward pass runs."""
        return self.saved + tuple(item.learned for item in self.items if item.early)

    @cached_property
    def working(self) -> Share:
        """The most that an item holds for a moment."""
        return max((item.working for item in self.items), key=lambda share: share.bytes)

    @cached_property
    def peak(self) -> Moment:
        """The most that is held in the backward pass: at one of the items."""
        kept, after, before, sums = 0, sum(item.gradient for item in self.items), 0, []
        for item in self.items:
            kept += item.kept
            sums.append(kept + item.work + after + before)
            after, before = after - item.gradient, before + item.gradient * item.early
        return self.at(sums.index(max(sums)))

    def at(self, index: int) -> Moment:
        """The backward pass at an item: what is kept of those before it, the gradients of those behind it."""
        items = self.items
        early = (item.learned for item in items[:index] if item.early)
        gradients = (*early, *(item.learned for item in items[index:]))
        return Moment(f"backward through {self.network}", (*self.saved[: index + 1], *gradients, items[index].working))


def passes(name: str, network: ir.Node, x: Type, batch: int, cores: int = 132) -> Pass:
    """What a network that is learned needs for a batch of rows of type `x`, on a GPU of so many cores."""
    things = list(in_a_row(network, x))
    kept = [batch * prefix.everything.beside_input for prefix in prefixes(things)]
    items = (
        Item(
            network=name,
            node=node,
            kept=now - before,
            gradient=FLOAT * num_params(node, seen),
            work=batch * held(node, seen) + workspace(node, seen, batch, cores),
            early=begins_early(node),
        )
        for (node, seen), now, before in zip(things, kept, [0, *kept], strict=False)
    )
    return Pass(name, tuple(items))


def update(made: Mapping[str, Pass], loss_bytes: int = 0) -> Moment:
    """The moment at which an update of these networks holds most."""
    moments = contrastive(*(made[role] for role in ROLES), loss_bytes) if set(ROLES) <= made.keys() else [together(made)]
    return max(moments, key=lambda moment: moment.total)


def contrastive(actor: Pass, sa_encoder: Pass, g_encoder: Pass, loss_bytes: int) -> list[Moment]:
    """The moments of contrastive RL at which the most may be held: two of the actor's half, three of the critic's."""
    return [
        Moment("the actor's half: backward through sa_encoder", (*actor.waiting, *sa_encoder.saved, sa_encoder.working)),
        replace(actor.peak, name="the actor's half: backward through actor"),
        Moment("the critic's loss", (*sa_encoder.waiting, *g_encoder.waiting, Share(LOSS, loss_bytes))),
        replace(sa_encoder.peak.beside(*g_encoder.waiting), name="the critic's half: backward through sa_encoder"),
        replace(g_encoder.peak, name="the critic's half: backward through g_encoder"),
    ]


def together(made: Mapping[str, Pass]) -> Moment:
    """Any networks at once: nothing is known of the order of their passes."""
    items = [item for each in made.values() for item in each.items]
    gradients, working = (item.learned for item in items), (each.working for each in made.values())
    return Moment("an update of all networks", (*(item.saved for item in items), *gradients, *working))


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
