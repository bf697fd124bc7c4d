"""What an update needs beside the parameters and what the optimizer keeps: gradients, and what they are computed from.

A backward pass goes from the last layer to the first. What was kept for a layer goes when it is done, and its gradient comes
and stays; so the most is needed at one of the layers. The update of contrastive RL has two halves, one after the other: the
actor's, which goes back through `sa_encoder` first, and the critic's: first all of `sa_encoder`, then all of `g_encoder`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from itertools import accumulate

from archlang import ir
from archlang.analysis.late import again_late, beyond, summed_late
from archlang.analysis.params import num_params
from archlang.analysis.parts import parts
from archlang.analysis.products import products_in
from archlang.analysis.residuals import Residuals
from archlang.analysis.saved import again_bytes, behind_bytes, residuals
from archlang.analysis.splits import FLOAT
from archlang.analysis.workspace import BYTES, workspace
from archlang.names import ROLES
from archlang.targets import Chip
from archlang.types import Type

GRADIENTS, SAVED, LOSS, WORKSPACE = "gradients", "saved activations", "loss", "workspace"  # terms
FUSED = 96  # arrays that a fusion may make; XLA makes more of them one by one, when each is needed
JOINED = {"actor", "sa_encoder"}  # roles whose input is put together of two arrays of the batch
Shape = tuple[int, int] | None
MOMENTS = (
    "the actor's half: backward through sa_encoder",
    "the actor's half: backward through actor",
    "the critic's loss",
    "the critic's half: backward through sa_encoder",
    "the critic's half: backward through g_encoder",
)


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
    """One of the things in sequence that a network is, in bytes: what is kept of it for the backward pass, its gradient, and
    what it holds for a moment.

    `shape`: of a stack under jax's own loop, its copies and its width. What such a loop writes to begins as zeros that depend
    on nothing, and XLA makes those of equal shape in one fusion, when the first of them is needed. Under the other policies
    buffers exist once their loop begins (archlang/lower/loop.py). `at_once`: bytes of its gradient whose shape is that of
    something that is kept, and made with it. `arrays`: how
    many of its shape it keeps, at most; `square`: whether all are of its shape.
    """

    network: str
    node: ir.Node
    kept: int
    gradient: int
    work: int
    shape: Shape = None
    at_once: int = 0
    arrays: int = 0
    square: bool = False

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
    """The passes of a network over a batch, item by item; `used`: the same where it is not learned, but only used.

    `rows`: bytes of the batch that it takes, where that is put together first: state and goal, state and action. `output`:
    what it gives, for the loss, which sums it up where it is in parts.
    """

    network: str
    items: tuple[Item, ...]
    rows: int = 0
    output: int = 0
    used: Pass | None = None

    @cached_property
    def saved(self) -> tuple[Share, ...]:
        """What is kept from the forward pass to the backward pass."""
        return (Share(SAVED, self.rows, self.network), *(item.saved for item in self.items))

    @cached_property
    def learned(self) -> tuple[Share, ...]:
        return tuple(item.learned for item in self.items)

    @cached_property
    def working(self) -> Share:
        """The most that an item holds for a moment."""
        return max((item.working for item in self.items), key=lambda share: share.bytes)

    @cached_property
    def last(self) -> dict[tuple[int, int], int]:
        """The last item of each shape: the backward pass begins there."""
        return {item.shape: index for index, item in enumerate(self.items) if item.shape is not None}

    def alike(self, *others: Pass) -> tuple[Item, ...]:
        """The items whose zeros are made with those of others."""
        return tuple(item for item in self.items if any(item.shape in other.last for other in others))

    def peak(self, waiting: Iterable[Item] = (), begun: Collection[Shape] = ()) -> Moment:
        """The most that is held in the backward pass, at one of the items: what is kept of those before it, and the gradients
        of those behind it. `waiting`: items of other networks, `begun`: the shapes whose gradients are there from the start.
        """
        until = [each for index, item in enumerate(self.items) for each in self.until(item, index, begun)]
        until += [each for item in waiting if item.shape for each in self.until(item, self.last.get(item.shape, -1), begun)]
        behind = self.behind(until)
        sums = [sum(held) for held in zip(accumulate(self.kept), behind, (item.work for item in self.items), strict=True)]
        at = sums.index(max(sums))
        gradients = (share for share, last in until if last >= at)
        return Moment(f"backward through {self.network}", (*self.saved[: at + 2], *gradients, self.items[at].working))

    def until(self, item: Item, index: int, begun: Collection[Shape]) -> Iterator[tuple[Share, int]]:
        """The gradient of an item, of this network or another, with the last of the items until which it is there."""
        end = len(self.items) - 1
        yield item.share(GRADIENTS, item.at_once), end
        yield item.share(GRADIENTS, item.gradient - item.at_once), end if item.shape and item.shape in begun else index

    @property
    def kept(self) -> Iterator[int]:
        return (item.kept for item in self.items)

    def behind(self, until: Iterable[tuple[Share, int]]) -> list[int]:
        """The gradients that are there at each of the items."""
        added = [0] * (len(self.items) + 1)
        for share, last in until:
            added[last] += share.bytes
        return list(accumulate(reversed(added[:-1])))[::-1]


def passes(name: str, network: ir.Node, x: Type, batch: int, chip: Chip) -> Pass:
    """What a network that is learned needs for a batch of rows of type `x`, on such a chip."""
    things = list(in_a_row(network, x))
    pending = reduce(Residuals.then, (residuals(*thing) for thing in things), Residuals()).fused.pending
    return Pass(
        name,
        items(name, things, batch, chip),
        rows=batch * x.row_bytes * (name in JOINED),
        output=batch * pending + beyond(*things[-1], batch, chip),
        used=Pass(name, items(name, things, batch, chip, learned=False)) if name == "sa_encoder" else None,
    )


def items(name: str, things: list[tuple[ir.Node, Type]], batch: int, chip: Chip, learned: bool = True) -> tuple[Item, ...]:
    """Each of the things as an item; without gradients, where the network is only used."""
    kept = [batch * prefix.fused.kept for prefix in prefixes(things, learned)]
    late = summed_late(things, batch, chip)
    return tuple(
        Item(
            network=name,
            node=node,
            kept=now - before + parts + converted(node, seen),
            gradient=FLOAT * num_params(node, seen) * learned,
            work=batch * held(node, seen, learned)
            + workspace(node, seen, batch, chip, learned)
            + again_late(node, seen, batch, chip),
            shape=shape(node, seen),
            at_once=at_once(node, seen, batch) if learned else 0,
            square=all(p.rows == p.columns == seen.width for p in products_in(node, seen)),
            arrays=(now - before) // (batch * carried(node, seen) or now + 1),
        )
        for (node, seen), now, before, parts in zip(things, kept, [0, *kept], late, strict=False)
    )


def update(made: Mapping[str, Pass], loss_bytes: int = 0) -> Moment:
    """The moment at which an update of the three networks of contrastive RL holds most."""
    actor, sa_encoder, g_encoder = (made[role] for role in ROLES)
    return max(contrastive(actor, sa_encoder, g_encoder, loss_bytes), key=lambda moment: moment.total)


def contrastive(actor: Pass, sa_encoder: Pass, g_encoder: Pass, loss_bytes: int) -> list[Moment]:
    """The moments of contrastive RL at which the most may be held: two of the actor's half, three of the critic's."""
    used = sa_encoder.used or sa_encoder
    early = tuple(made_early(actor, used, sa_encoder, g_encoder))
    buffers = tuple(item.saved for item in early)
    at_once = tuple(item.share(GRADIENTS, item.at_once) for item in (*actor.items, *early) if item.at_once)
    outputs = (Share(LOSS, each.output, each.network) for each in (sa_encoder, g_encoder))
    moments = [
        used.peak().beside(*actor.saved, *buffers, *at_once),
        actor.peak(early).beside(*buffers),
        Moment("", (*sa_encoder.saved, *g_encoder.saved, *outputs, Share(LOSS, loss_bytes))),
        sa_encoder.peak(g_encoder.items, actor.last).beside(*g_encoder.saved),
        g_encoder.peak((), {*actor.last, *sa_encoder.last}),
    ]
    return [replace(each, name=name) for each, name in zip(moments, MOMENTS, strict=True)]


def made_early(actor: Pass, used: Pass, sa_encoder: Pass, g_encoder: Pass) -> Iterator[Item]:
    """The critic's items whose zeros are made in the actor's half; `kept`: what they then hold already. What is alike only to a
    network that is used holds what that does, where a network that is learned keeps arrays of other shapes, too."""
    made = Counter(fused_arrays((actor, used, sa_encoder, g_encoder)))
    held = {item.shape: item.kept for item in used.items}
    for item in (*sa_encoder.alike(actor, used), *g_encoder.alike(actor, used)):
        kept = item.kept if item.shape in actor.last or item.square else min(item.kept, held[item.shape])
        yield replace(item, kept=kept * (made[item.shape] <= FUSED))


def in_a_row(node: ir.Node, x: Type) -> Iterator[tuple[ir.Node, Type]]:
    """The things in sequence that a network is, with the types of their inputs."""
    if isinstance(node, ir.Network | ir.Sequence | ir.Cast):
        for part, seen, _ in parts(node, x):
            yield from in_a_row(part, seen)
        return
    yield node, x


def prefixes(items: list[tuple[ir.Node, Type]], learned: bool) -> Iterator[Residuals]:
    """What is kept of the first items, for one after the other."""
    made = Residuals()
    for item, seen in items:
        made = made.then(residuals(item, seen, learned))
        yield made


def shape(item: ir.Node, x: Type) -> tuple[int, int] | None:
    """Of what jax's own loop writes to."""
    if not isinstance(item, ir.Repeat) or not item.is_loop or item.remat != "none":
        return None
    return item.count, x.width or 0


def carried(item: ir.Node, x: Type) -> int:
    """Bytes of a row of what goes from copy to copy in jax's own loop, all copies together."""
    return item.count * x.row_bytes if isinstance(item, ir.Repeat) and shape(item, x) is not None else 0


def fused_arrays(made: Iterable[Pass]) -> Iterator[Shape]:
    """Each shape as often as a loop has such an array to write to."""
    for item in (item for each in made for item in each.items):
        yield from [item.shape] * item.arrays


def converted(item: ir.Node, x: Type) -> int:
    """Bytes of the matrices that jax's own loop keeps as they are computed with, where that is not as they are."""
    if shape(item, x) is None or not isinstance(item, ir.Repeat) or x.dtype == "f32":
        return 0
    return BYTES[x.dtype] * item.count * sum(p.times * p.rows * p.columns for p in products_in(item, x))


def at_once(item: ir.Node, x: Type, batch: int) -> int:
    """Of a stack's gradients, those of as many rows as the batch has."""
    if shape(item, x) is None or not isinstance(item, ir.Repeat):
        return 0
    return FLOAT * item.count * sum(p.times * p.rows * p.columns for p in products_in(item, x) if p.rows == batch)


def held(item: ir.Node, x: Type, learned: bool) -> int:
    """Bytes of a row that are held for a moment: under `nested` in the place of what the copies behind the segments kept."""
    if not (isinstance(item, ir.Repeat) and item.is_loop):
        return 0
    return max(0, again_bytes(item, x, learned) - behind_bytes(item, x, learned))
