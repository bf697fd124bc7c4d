"""What a specification is at each stage of the compiler, as text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from archlang import ir, syntax
from archlang.diagnostics import Diagnostic, DiagnosticError, SpecError, did_you_mean
from archlang.passes.canonicalize import canonicalize
from archlang.passes.roll import roll
from archlang.pipeline import planned, right, target_of
from archlang.plan import Forced, Plan
from archlang.report import Inputs, refuse_unknown_width
from archlang.schema import VERSION
from archlang.source import Source, Span
from archlang.spec import Spec
from archlang.targets import find_target
from archlang.unparse import unparse
from archlang.workload import BATCH


@dataclass(frozen=True)
class Options:
    """What else a stage may be asked: how stacks are run, for which GPU and batch, and of which network."""

    remat: str | None = None
    unroll: int | None = None
    gpu: str | None = None
    batch: int | None = None
    network: str | None = None
    backward: bool = False
    json: bool = False

    def given(self) -> Iterator[str]:
        """The names of the options that are set."""
        return (name for name, value in vars(self).items() if value is not None and value is not False)


@dataclass(frozen=True)
class Stage:
    """A stage as text, and the options that it heeds."""

    text: Callable[[Spec, Inputs, Options], str]
    heeds: frozenset[str] = frozenset()


def emit(stage: str, spec: Spec, inputs: Inputs, options: Options = Options()) -> str:
    """The stage of that name. Raises `SpecError` where the specification is wrong, `DiagnosticError` where an option is."""
    for name in options.given():
        if name not in STAGES[stage].heeds:
            stages = ", ".join(other for other, about in STAGES.items() if name in about.heeds)
            message = f"`--{name}` changes nothing in the stage {stage}"
            span = Source(str(getattr(options, name)), f"--{name}").span()
            raise DiagnosticError([Diagnostic("E0603", message, span, help=f"it is for {stages}")])
    return STAGES[stage].text(spec, inputs, options)


def tree(spec: Spec, inputs: Inputs, options: Options) -> str:
    """The surface tree: a line for each node, with its place and what was written there; the file where it is another."""
    if spec.file.mistakes:
        raise SpecError(spec.file.mistakes)
    nodes = (*spec.file.uses, *spec.file.definitions, *([spec.file.expression] if spec.file.expression else []))
    return "\n".join(line for node in nodes for line in branch(node, spec.file.source))


def branch(node: syntax.Node, own: Source) -> Iterator[str]:
    todo = [(node, 0)]
    while todo:
        node, depth = todo.pop()
        yield f"{'  ' * depth}{type(node).__name__}  {place(node.span, own)}  {node.span.first_line}"
        todo += [(child, depth + 1) for child in reversed(tuple(syntax.children(node)))]


def place(span: Span, own: Source) -> str:
    file = "" if span.source is own else f"{span.source.name}:"
    return f"{file}{span.line}:{span.column}"


def text(spec: Spec, inputs: Inputs, options: Options) -> str:
    """The networks in the language, in canonical form, with every definition put in."""
    return "\n".join(f"{name} = {unparse(canonicalize(network.body))}" for name, network in networks(spec, inputs).items())


def networks(spec: Spec, inputs: Inputs) -> Mapping[str, ir.Network]:
    """The networks of a specification without mistakes."""
    return right(spec, inputs, None)


def as_json(change: Callable[[ir.Network, str, Inputs], ir.Network]) -> Stage:
    """The networks as data, each changed by a pass."""

    def stage(spec: Spec, inputs: Inputs, options: Options) -> str:
        made = {name: change(network, name, inputs) for name, network in networks(spec, inputs).items()}
        data = {name: network.model_dump(mode="json") for name, network in made.items()}
        return json.dumps({"version": VERSION, "networks": data})

    return Stage(stage)


# --- how it is run --------------------------------------------------------------------------------------------------------


def plan_of(spec: Spec, inputs: Inputs, options: Options) -> Plan:
    target = target_of(options.gpu, options.batch, inputs)
    return planned(spec, inputs, Forced(options.remat, options.unroll), target)


def plan(spec: Spec, inputs: Inputs, options: Options) -> str:
    """How each stack is run, and why."""
    made = plan_of(spec, inputs, options)
    return json.dumps(made.as_json()) if options.json else "\n".join(made.lines())


def flax(spec: Spec, inputs: Inputs, options: Options) -> str:
    """The networks as a Flax file that needs no archlang."""
    from archlang.eject import flax_source

    found = one_or_all(planned(spec, inputs, Forced(options.remat, options.unroll), None).networks, options.network)
    refuse_unknown_width(found, inputs)
    return flax_source(found, {name: inputs.of(name).width or 0 for name in found}).rstrip("\n")


def compiled(form: str) -> Callable[[Spec, Inputs, Options], str]:
    """The programs of the networks in a form of jax or XLA, each under a comment with its name."""

    def stage(spec: Spec, inputs: Inputs, options: Options) -> str:
        gpu = None if options.gpu is None else find_target(options.gpu)

        from archlang.lower.programs import Program  # jax
        from archlang.lower.show import show

        found = one_or_all(planned(spec, inputs, Forced(options.remat, options.unroll), None).networks, options.network)
        refuse_unknown_width(found, inputs)
        batch = BATCH if options.batch is None else options.batch
        programs = {
            name: Program(network, inputs.of(name).width or 0, batch, options.backward) for name, network in found.items()
        }
        return "\n\n".join(f"// {name}\n{show(form, program, gpu)}" for name, program in programs.items())

    return stage


def one_or_all(networks: Mapping[str, ir.Network], name: str | None) -> Mapping[str, ir.Network]:
    """The network of that name alone, or all. Raises `DiagnosticError` where there is none of that name."""
    if name is None or name in networks:
        return networks if name is None else {name: networks[name]}
    similar = did_you_mean(name, networks)
    help = f"did you mean `{similar}`?" if similar else f"there are: {', '.join(networks)}"
    raise DiagnosticError([Diagnostic("E0201", f"there is no network `{name}`", Source(name, "--network").span(), help=help)])


PLAN = frozenset({"remat", "unroll"})
PROGRAM = PLAN | {"batch", "network", "backward"}
STAGES: Mapping[str, Stage] = {
    "syntax": Stage(tree),
    "text": Stage(text),
    "ir": as_json(lambda network, name, inputs: network),
    "canonical": as_json(lambda network, name, inputs: canonicalize(network)),
    "rolled": as_json(lambda network, name, inputs: roll(canonicalize(network), inputs.of(name))),
    "plan": Stage(plan, PLAN | {"gpu", "batch", "json"}),
    "flax": Stage(flax, PLAN | {"network"}),
    "jaxpr": Stage(compiled("jaxpr"), PROGRAM),
    "stablehlo": Stage(compiled("stablehlo"), PROGRAM),
    "hlo": Stage(compiled("hlo"), PROGRAM | {"gpu"}),
}
