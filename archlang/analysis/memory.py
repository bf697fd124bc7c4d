"""What a run's program needs of a GPU's memory, as named terms. Closed form: no jax, and no longer for a deeper network.

Parameters, what the optimizer keeps of them, the replay buffer and the environments are held always. Beside them something is
held for a time: while collecting, and at each moment of an update. The program needs as much as at its largest moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from archlang import ir
from archlang.analysis.forward import forward_bytes
from archlang.analysis.update import GRADIENTS, LOSS, SAVED, WORKSPACE, Moment, Pass, Share, passes
from archlang.analysis.update import update as update_moment
from archlang.source import Span
from archlang.targets import REFERENCE, Chip
from archlang.types import Type
from archlang.workload import Workload

PARAMETERS, OPTIMIZER = "parameters", "optimizer"
REPLAY, HINDSIGHT, ENVIRONMENTS = "replay", "hindsight batch", "environment state"
DOUBT = 0.15  # of what is held for a time: it was never an eighth more (benchmarks/estimates.py)
TERMS = (PARAMETERS, GRADIENTS, OPTIMIZER, SAVED, LOSS, REPLAY, HINDSIGHT, ENVIRONMENTS, WORKSPACE)


@dataclass(frozen=True)
class Memory:
    """Everything that is held at the largest moment, share by share: `always`, and `then`."""

    moment: str
    always: tuple[Share, ...]
    then: tuple[Share, ...]

    @property
    def shares(self) -> tuple[Share, ...]:
        return self.always + self.then

    @property
    def total(self) -> int:
        """Bytes of all terms."""
        return sum(share.bytes for share in self.shares)

    @property
    def terms(self) -> dict[str, int]:
        """Bytes of each term, all of `TERMS`."""
        sums: dict[str, int] = dict.fromkeys(TERMS, 0)
        for share in self.shares:
            sums[share.term] += share.bytes
        return sums

    @property
    def places(self) -> dict[Span, Counter[str]]:
        """Bytes of each term for each place of the specification, the costliest place first. What several networks have from
        one place is one entry."""
        found: dict[Span, Counter[str]] = {}
        for share in self.shares:
            if share.node is not None and share.node.span is not None:
                found.setdefault(share.node.span, Counter())[share.term] += share.bytes
        return dict(sorted(found.items(), key=lambda place: -place[1].total()))

    @property
    def elsewhere(self) -> list[Share]:
        """The shares that are of no network."""
        return [share for share in self.shares if share.node is None]

    @property
    def at_most(self) -> int:
        """The same, with what the closed form may be wrong by: what is held for a time is not planned by us, but by XLA."""
        return self.total + int(DOUBT * sum(share.bytes for share in self.then))


def memory(networks: Mapping[str, ir.Network], types: Mapping[str, Type], workload: Workload, chip: Chip = REFERENCE) -> Memory:
    """What the program needs whose networks take these types, on such a chip."""
    made = {name: passes(name, net.body, types[name], workload.batch_size, chip) for name, net in networks.items()}
    moment = max(moments(networks, types, made, workload, chip), key=lambda moment: moment.total)
    return Memory(moment.name, (*always(made, workload), *given(types, workload)), moment.shares)


def always(made: Mapping[str, Pass], workload: Workload) -> Iterator[Share]:
    """What is there between two steps of the program. Gradients are as large as parameters."""
    for item in (item for each in made.values() for item in each.items):
        yield item.share(PARAMETERS, item.gradient)
        yield item.share(OPTIMIZER, workload.kept_per_parameter * item.gradient)
    yield Share(REPLAY, workload.replay_bytes)
    yield Share(ENVIRONMENTS, workload.num_envs * workload.simulator.state)
    yield Share(WORKSPACE, workload.metrics_bytes)


def given(types: Mapping[str, Type], workload: Workload) -> Iterator[Share]:
    """Without an environment, a batch for each network."""
    if workload.environment is None:
        yield Share(HINDSIGHT, workload.batch_size * sum(x.row_bytes for x in types.values()))


def moments(
    networks: Mapping[str, ir.Network], types: Mapping[str, Type], made: Mapping[str, Pass], workload: Workload, chip: Chip
) -> Iterator[Moment]:
    """What is held for a time."""
    if workload.environment is None:
        yield from (replace(each.peak(), name=f"the update of {name}") for name, each in made.items())
        return
    yield update_moment(made, workload.loss_bytes).beside(Share(HINDSIGHT, workload.hindsight_bytes))
    yield Moment("the collecting of steps", (Share(WORKSPACE, collecting(networks, types, workload, chip)),))


def collecting(networks: Mapping[str, ir.Network], types: Mapping[str, Type], workload: Workload, chip: Chip) -> int:
    """Bytes while the environments step, or while the networks act, if that is more: then beside what they act on, and the
    transition that it is to be."""
    simulator, rows = workload.simulator, workload.acting
    simulating = workload.num_envs * simulator.work + simulator.fixed
    acting = max((forward_bytes(networks[name].body, types[name], rows[name], chip) for name in rows), default=0)
    return max(simulating, acting + 2 * workload.num_envs * workload.row_bytes)
