"""The plan: how each stack is run. Which values its backward pass finds saved, how many copies a step of the loop has, and why.

It decides time and memory, never what is computed. What the specification says (`@remat`, `@unroll`) holds before what the plan
would choose, and what is forced from outside (`--remat`, `--unroll`) before both. For a GPU and a batch, stacks are computed
again in the backward pass where the program would not fit otherwise; `analysis.memory` judges that in closed form, without jax.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

from archlang import ir
from archlang.analysis.memory import Memory, memory
from archlang.analysis.parts import parts
from archlang.analysis.saved import again_bytes, kept_bytes
from archlang.diagnostics import Diagnostic, DiagnosticError, SpecError, did_you_mean, short
from archlang.limits import MAX_NODES
from archlang.passes.canonicalize import canonicalize
from archlang.passes.rewrite import map_children
from archlang.source import Source
from archlang.spec import Network
from archlang.targets import REFERENCE, Chip, Gpu
from archlang.types import Type
from archlang.unparse import unparse
from archlang.workload import Workload

MARGIN = (
    0.1  # of a GPU's memory that a program leaves: CUDA's context and kernels come out of it, and what the allocator wastes
)
GIB = 2**30
POLICIES = get_args(ir.Remat)


@dataclass(frozen=True)
class Target:
    """What the networks are trained on: a GPU, and the program around them; it may take the GPU's memory but for a margin.

    Raises `DiagnosticError` (E0603) for a batch without rows, and for a margin that is no part of a whole.
    """

    gpu: Gpu
    workload: Workload
    margin: float = MARGIN

    def __post_init__(self) -> None:
        batch = self.workload.batch_size
        if type(batch) is not int or batch < 1:
            raise refused("batch", batch, "a batch has a whole number of rows, at least one")
        if type(self.margin) not in (int, float) or not 0 <= self.margin < 1:
            raise refused("margin", self.margin, "a margin is a part of the memory, from 0 to below 1, for instance 0.1")

    @property
    def budget(self) -> int:
        """How many bytes the program may need."""
        return int((1 - self.margin) * self.gpu.memory_bytes)

    @property
    def chip(self) -> Chip:
        """The GPU's; where it is not known, an H100's."""
        return self.gpu.chip or REFERENCE

    def memory(self, networks: Mapping[str, Network], types: Mapping[str, Type]) -> Memory:
        """What the program needs with these networks, in closed form."""
        return memory(networks, types, self.workload, self.chip)


@dataclass(frozen=True)
class Forced:
    """What is asked for from outside, for every stack. Raises `DiagnosticError` for what `@remat` and `@unroll` do not take."""

    remat: str | None = None
    unroll: int | None = None

    def __post_init__(self) -> None:
        if self.remat is not None and self.remat not in POLICIES:
            similar = did_you_mean(str(self.remat), POLICIES)
            help = f"did you mean `{similar}`?" if similar else None
            raise refused("remat", self.remat, f"`--remat` takes {', '.join(POLICIES)}", help)
        if self.unroll is not None and not (type(self.unroll) is int and 1 <= self.unroll <= MAX_NODES):
            raise refused("unroll", self.unroll, f"`--unroll` takes a whole number from 1 to {MAX_NODES}")


def refused(option: str, value: object, takes: str, help: str | None = None) -> DiagnosticError:
    """The error of an option that has a value which it does not take."""
    shown = short(str(value)) or "nothing"
    return DiagnosticError([Diagnostic("E0603", f"{takes}; got {shown}", Source(str(value), f"--{option}").span(), help=help)])


@dataclass(frozen=True)
class Choice:
    """A value, and why it is that."""

    value: Any
    reason: str


@dataclass(frozen=True)
class StackPlan:
    """How one stack is run; `x` is the type of its input."""

    stack: ir.Repeat
    x: Type
    remat: Choice
    unroll: Choice
    dtype: Choice

    @property
    def choices(self) -> dict[str, Choice]:
        return {"remat": self.remat, "unroll": self.unroll, "dtype": self.dtype}

    @property
    def row_bytes(self) -> int | None:
        """Bytes that the backward pass finds saved of each row of a batch; None where the input width is not known."""
        return None if self.x.width is None else kept_bytes(self.stack, self.x)

    @property
    def program(self) -> tuple[Any, ...]:
        """What decides the loop of this stack: equal for stacks that could share one. Only `concat_input` sees the source."""
        source = self.x.source if "concat_input" in self.text else None
        return self.stack, self.stack.remat, self.stack.unroll, replace(self.x, source=source)

    @property
    def text(self) -> str:
        """The stack as it is written, without its annotations."""
        return unparse(self.stack.model_copy(update={"remat": None, "unroll": None}))

    @property
    def place(self) -> str:
        span = self.stack.span
        return "" if span is None else f"{span.source.name}:{span.line}:{span.column}"


@dataclass(frozen=True)
class Plan:
    """`networks` with every choice as an annotation, for `archlang.lower.build`; `stacks` in the order of the text."""

    networks: Mapping[str, Network]
    stacks: Mapping[str, tuple[StackPlan, ...]]
    target: Target | None = None
    memory: Memory | None = None  # on the target

    @property
    def alike(self) -> list[tuple[str, ...]]:
        """Groups of networks whose stacks are the same, so that they could share their loops."""
        groups: dict[Any, list[str]] = {}
        for name, stacks in self.stacks.items():
            groups.setdefault(tuple(stack.program for stack in stacks), []).append(name)
        return [tuple(names) for stacks, names in groups.items() if stacks and len(names) > 1]

    @property
    def fits(self) -> bool:
        """Whether the program surely fits: by the most that it may need, as far as a closed form can tell."""
        return self.target is None or self.memory is None or self.memory.at_most <= self.target.budget

    def as_json(self) -> dict[str, Any]:
        """The plan as data."""
        target = None if self.target is None else {"gpu": self.target.gpu.name, "batch": self.target.workload.batch_size}
        budget = None if self.target is None else self.target.budget
        stacks = {name: [stack_json(stack) for stack in found] for name, found in self.stacks.items()}
        return {
            "stacks": stacks,
            "alike": self.alike,
            "fused": [],
            "target": target,
            "needed": self.memory and self.memory.total,
            "budget": budget,
            "fits": self.fits,
        }

    def lines(self) -> Iterator[str]:
        """The plan for people: networks with equal stacks together, and a line for each choice."""
        alike: dict[tuple[str, ...], list[str]] = {}
        for name, stacks in self.stacks.items():
            alike.setdefault(tuple(line for stack in stacks for line in stack_lines(stack)), []).append(name)
        for lines, names in alike.items():
            yield ", ".join(names)
            yield from (f"  {line}" for line in lines or ("no stack, so nothing to plan",))
        yield from (f"{', '.join(names)}: alike, and yet each in loops of its own: {SEPARATE}" for names in self.alike)
        if self.target is not None and self.memory is not None:
            yield from filter(None, [forced_for_train(self.stacks)])
            yield verdict(self.target, self.memory)


def make_plan(
    networks: Mapping[str, Network], types: Mapping[str, Type], forced: Forced = Forced(), target: Target | None = None
) -> Plan:
    """The plan of networks without mistakes, whose inputs have these types. Raises `SpecError` where it cannot be had."""
    if target is None:
        return planned(networks, types, forced, again=False)
    kept = judged(planned(networks, types, forced, again=False), types, target)
    return kept if kept.fits else judged(planned(networks, types, forced, again=True), types, target)


def judged(plan: Plan, types: Mapping[str, Type], target: Target) -> Plan:
    """The plan, with what it needs on the target."""
    return replace(plan, target=target, memory=target.memory(plan.networks, types))


def planned(networks: Mapping[str, Network], types: Mapping[str, Type], forced: Forced, again: bool) -> Plan:
    """The plan; `again`: where nothing is said, copies are computed again in the backward pass."""
    done = {name: annotated(canonicalize(network), types[name], forced, again) for name, network in networks.items()}
    return Plan(
        {name: network for name, (network, _) in done.items()}, {name: tuple(found) for name, (_, found) in done.items()}
    )


def annotated(network: Network, x: Type, forced: Forced, again: bool) -> tuple[Network, list[StackPlan]]:
    """A network with every choice put in, and the choices."""
    found: dict[int, StackPlan] = {}  # by identity: equal stacks may stand at places of unlike type
    for stack, seen in stacks_in(network.body, x):
        found.setdefault(id(stack), choose(stack, seen, forced, again))

    def put_in(node: ir.Node) -> Any:
        inside, here = map_children(node, put_in), found.get(id(node))
        return inside if here is None else inside.model_copy(update={"remat": here.remat.value, "unroll": here.unroll.value})

    return network.model_copy(update={"body": put_in(network.body)}), list(found.values())


def stacks_in(node: ir.Node, x: Type) -> Iterator[tuple[ir.Repeat, Type]]:
    """The loops of a network, outer ones first, with the types of their inputs."""
    if isinstance(node, ir.Repeat) and node.is_loop:
        yield node, x
    for part, seen, _ in parts(node, x):
        yield from stacks_in(part, seen)


# --- choosing -------------------------------------------------------------------------------------------------------------


def choose(stack: ir.Repeat, x: Type, forced: Forced, again: bool) -> StackPlan:
    remat = said("remat", stack.remat, forced.remat) or (computed_again(stack, x) if again else PRODUCTS)
    unroll = said("unroll", stack.unroll, forced.unroll) or ONE
    if unroll.value > stack.count:
        message = f"`--unroll {unroll.value}` is more than the {stack.count:,} copies of a stack"
        raise SpecError([Diagnostic("E0603", message, stack.span, help=f"at most {stack.count:,}, or no `--unroll`")])
    chosen = stack.model_copy(update={"remat": remat.value, "unroll": unroll.value})
    return StackPlan(chosen, x, remat, unroll, DTYPE[x.dtype])


def said(name: str, written: Any, forced: Any) -> Choice | None:
    """What is forced, else what is written, else nothing."""
    if forced is not None:
        instead = f", in place of the `@{name}({written})` that is written" if written not in (None, forced) else ""
        return Choice(forced, f"asked for by `--{name}`{instead}")
    return None if written is None else Choice(written, f"written: `@{name}({written})`")


PRODUCTS = Choice(
    ir.DEFAULT_REMAT, "inputs and matrix products are kept: less memory than unrolled, and no product is computed twice"
)
FULL = Choice("full", "computed again, since it would not fit otherwise; the input of each copy is kept")
NESTED = Choice(
    "nested", "computed again, since it would not fit otherwise; the input of every √n-th copy is kept, less than with full"
)
SEPARATE = "together they took no less time on a CPU, and 5 % more memory (benchmarks/alternatives.py)"
ONE = Choice(1, "one copy to a step of the loop: more compile longer")
DTYPE = {
    "f32": Choice("f32", "no `@dtype` stands around it"),
    "bf16": Choice("bf16", "computed so by `@dtype(bf16)`; parameters and their gradients are f32"),
}


def computed_again(stack: ir.Repeat, x: Type) -> Choice:
    """Of the two policies that compute copies again, at the same cost, the one that takes less memory."""

    def held(choice: Choice) -> int:
        node = stack.model_copy(update={"remat": choice.value})
        return kept_bytes(node, x) + again_bytes(node, x)

    return min((FULL, NESTED), key=held)


# --- for people, and for programs -----------------------------------------------------------------------------------------


def stack_lines(stack: StackPlan) -> Iterator[str]:
    yield f"{stack.text}   {stack.place}".rstrip()
    for name, choice in stack.choices.items():
        yield f"  {name:<7} {choice.value!s:<7} {choice.reason}"
    if stack.row_bytes is not None:
        yield f"  saved   {stack.row_bytes:,} bytes of each row"


def forced_for_train(stacks: Mapping[str, tuple[StackPlan, ...]]) -> str | None:
    """`archlang train` plans without a thought for its GPU: what it must be told to run the stacks like this."""
    chosen = {s.remat.value for found in stacks.values() for s in found if s.remat in (FULL, NESTED)}
    options = " or ".join(f"`--remat {policy}`" for policy in sorted(chosen))
    return f"`archlang train` and `estimate` do so with {options}: they keep to what is written" if chosen else None


def verdict(target: Target, memory: Memory) -> str:
    fits = "fits" if memory.at_most <= target.budget else "does not fit"
    share = f"{1 - target.margin:.0%} of {target.gpu.name}'s {target.gpu.memory_bytes / GIB:.1f} GiB"
    return f"{target.workload.summary} needs {memory.total / GIB:.2f} GiB: it {fits} into {share}"


def stack_json(stack: StackPlan) -> dict[str, Any]:
    choices = {name: {"value": choice.value, "reason": choice.reason} for name, choice in stack.choices.items()}
    return {"text": stack.text, "place": stack.place, "count": stack.stack.count, **choices, "row_bytes": stack.row_bytes}
