"""The arithmetic of an update: the passes that it really makes over its networks, and the FLOPs of each.

A backward pass of a network takes a matrix product as often as it goes forward for the gradients of the weights, and once more
for the gradients of what goes in, where anything learned comes before. The update of contrastive RL makes twelve passes:

    the actor's half    g_encoder forward; actor forward and backward; sa_encoder forward, and backward to its input alone
    the critic's half   both encoders forward and backward
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass

from archlang import ir
from archlang.analysis.edges import of_data, unread
from archlang.analysis.flops import flops
from archlang.analysis.parts import parts
from archlang.analysis.sums import sums
from archlang.infer import output_type
from archlang.names import ROLES
from archlang.once import once
from archlang.types import Type

BACKWARD = 2  # elementwise operations backward for each one forward: those of the two gradients, as of a matrix product
# How often the actor's half goes through a network that is learned in the other half: forward, and backward to the input.
EXTRA = {"g_encoder": (1, 0), "sa_encoder": (1, 1)}


@dataclass(frozen=True)
class Work:
    """FLOPs of one update, two to a multiply-add; `networks` is `flops_per_update`.

    networks: the matrix products of the networks, forward and for every gradient that is needed.
    recomputed: matrix products that are computed a second time, under `full` and `nested`.
    elementwise: everything else in the networks, one for each operation on a number; what is computed again is left out.
    loss: the products of all embeddings with each other, and their gradients. The optimizer is not counted.
    """

    networks: int
    recomputed: int
    elementwise: int
    loss: int

    @property
    def total(self) -> int:
        return self.networks + self.recomputed + self.elementwise + self.loss

    def as_json(self) -> dict[str, int]:
        return asdict(self)


def update(networks: Mapping[str, ir.Network], types: Mapping[str, Type], batch: int) -> Work:
    """One update on a batch: of contrastive RL, where the networks are its three roles; else forward and backward of each.

    Exact for any depth, in O(size of the text). Raises `ValueError` where a width is not known.
    """
    each = [of_network(network.body, types[name], *extra(networks, name)) for name, network in networks.items()]
    sums = (batch * sum(numbers) for numbers in zip(*each, strict=True))
    repr_dim = output_type(networks["sa_encoder"].body, types["sa_encoder"]).width if contrastive(networks) else None
    return Work(*sums, loss=3 * 2 * batch**2 * (repr_dim or 0))


def contrastive(networks: Collection[str]) -> bool:
    """Whether these are the networks of contrastive RL."""
    return set(ROLES) <= set(networks)


def extra(networks: Collection[str], name: str) -> tuple[int, int]:
    """How often an update goes through a network in another's half: forward, and backward to the input alone."""
    return EXTRA.get(name, (0, 0)) if contrastive(networks) else (0, 0)


def of_network(node: ir.Node, x: Type, forward: int, to_input: int) -> tuple[int, int, int]:
    """Of one row: a forward and a backward pass, and how many more forward and backward to the input alone."""
    forward_pass = sums(node, x)
    once, values = forward_pass.flops, forward_pass.elementwise
    whole = 2 * once + forward_pass.learned_flops - of_data(node, x)
    again = recomputed(node, x) + to_input * recomputed(node, x, False)
    return (
        whole + (forward + to_input) * once,
        again,
        (1 + BACKWARD + forward + BACKWARD * to_input) * values,
    )


@once
def recomputed(node: ir.Node, x: Type, weights: bool = True, /) -> int:
    """FLOPs of a row that the loops in a node compute a second time in a backward pass; `weights`: to the weights as well."""
    inside = sum(count * recomputed(part, seen, weights) for part, seen, count in parts(node, x))
    return inside + again(node, x, weights) if isinstance(node, ir.Repeat) and node.is_loop else inside


def again(stack: ir.Repeat, x: Type, weights: bool) -> int:
    """`full`: each copy, but for the products at its end that nothing reads. `nested`: the copies of whole segments; what lies
    behind those is kept as under `dots`, which computes no product twice."""
    once, end = flops(stack.body, x), unread(stack.body, x, weights)
    if stack.remat == "full":
        return stack.count * (once - end.flops)
    if stack.remat == "nested" and not end.open:
        segments = ir.segments_of(stack.count)
        return stack.count // segments * segments * once
    return 0


def run_flops(
    networks: Mapping[str, ir.Network], types: Mapping[str, Type], batch: int, updates: int, env_steps: int = 0
) -> int:
    """Matrix products of a whole run: its updates, and the actor forward for each step of an environment."""
    acting = flops(networks["actor"].body, types["actor"]) if env_steps else 0
    return updates * update(networks, types, batch).networks + env_steps * acting
