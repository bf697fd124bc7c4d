"""What an estimate is asked about: networks, the settings of a run, how stacks are run, and the GPU, if there is one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from archlang.analysis import work
from archlang.analysis.flops import flops
from archlang.analysis.memory import Memory, memory
from archlang.analysis.time import Time, time
from archlang.plan import MARGIN, Forced, Plan, Target, planned
from archlang.report import Inputs, NetworkReport
from archlang.targets import REFERENCE, Gpu
from archlang.types import Type
from archlang.workload import Workload, workload_in


@dataclass(frozen=True)
class Question:
    """A program that `archlang train` could run: its stacks are planned without a thought for the GPU.

    `networks` have no mistakes and known input widths. `settings` are those of a run that are not the runtime's own.
    """

    networks: Mapping[str, NetworkReport]
    inputs: Inputs
    settings: Mapping[str, Any]
    forced: Forced
    gpu: Gpu | None = None
    margin: float = MARGIN

    @cached_property
    def workload(self) -> Workload:
        """What the program needs around the networks. Raises `DiagnosticError` (E0603) for settings that cannot be."""
        return workload_in(self.inputs.env, self.settings)

    @cached_property
    def target(self) -> Target | None:
        return None if self.gpu is None else Target(self.gpu, self.workload, self.margin)

    @property
    def types(self) -> Mapping[str, Type]:
        return {name: network.input for name, network in self.networks.items()}

    @cached_property
    def plan(self) -> Plan:
        networks = {name: network.network for name, network in self.networks.items()}
        return planned(networks, self.types, self.forced, again=False)

    @cached_property
    def memory(self) -> Memory:
        """What the program needs, in closed form."""
        chip = REFERENCE if self.target is None else self.target.chip
        return memory(self.plan.networks, self.types, self.workload, chip)

    @cached_property
    def work(self) -> work.Work:
        """FLOPs of one update."""
        return work.update(self.plan.networks, self.types, self.workload.batch_size)

    @property
    def forward_flops(self) -> dict[str, int]:
        """FLOPs of the matrix products of one row, forward through each network."""
        return {name: flops(network.body, self.types[name]) for name, network in self.plan.networks.items()}

    @property
    def run_flops(self) -> int | None:
        """FLOPs of the matrix products of the whole run; None where there is no environment, and so no run."""
        load = self.workload
        if load.environment is None:
            return None
        return work.run_flops(self.plan.networks, self.types, load.batch_size, load.updates, load.env_steps)

    @cached_property
    def time(self) -> Time | None:
        """How long it takes; None without a GPU."""
        return None if self.gpu is None else time(self.plan.networks, self.types, self.workload, self.gpu)

    @property
    def fits(self) -> bool | None:
        """Whether the program surely fits, as far as a closed form can tell; None without a GPU."""
        return None if self.target is None else self.memory.at_most <= self.target.budget

    def with_setting(self, name: str, value: Any) -> Question:
        """The same with another setting."""
        return replace(self, settings={**self.settings, name: value})

    def with_remat(self, remat: str) -> Question:
        """The same with one policy for every stack."""
        return replace(self, forced=replace(self.forced, remat=remat))
