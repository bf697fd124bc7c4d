"""What is known of a specification without running it: types, counts and hashes, at every point of its grid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import Any

from archlang import ir
from archlang.analysis.params import num_params
from archlang.checks.roles import check_roles, end
from archlang.checks.shapes import check_shapes
from archlang.checks.unused import unused
from archlang.diagnostics import Collector, Diagnostic, DiagnosticError, Replacement, SpecError, as_json
from archlang.limits import MAX_GRID_STEPS
from archlang.names import ROLES, suggestion
from archlang.passes.canonicalize import canonicalize
from archlang.source import Span
from archlang.spec import Network, Point, Spec, check_network, check_width, network
from archlang.types import Type
from archlang.workload import Environment


@dataclass(frozen=True)
class NetworkReport:
    """What is known of a network. What depends on an input width that nobody gave is None."""

    network: Network
    input: Type
    output: Type

    @property
    def in_features(self) -> int | None:
        return self.input.width

    @property
    def out_features(self) -> int | None:
        return self.output.width

    @cached_property
    def params(self) -> int | None:
        return None if self.in_features is None else num_params(self.network.body, self.input)

    @cached_property
    def dense_layers(self) -> int:
        return self.network.dense_layers

    @cached_property
    def hash(self) -> str:
        return self.network.hash

    def as_json(self) -> dict[str, Any]:
        numbers = {"in": self.in_features, "out": self.out_features, "params": self.params}
        return numbers | {"dense_layers": self.dense_layers, "hash": self.hash}


@dataclass(frozen=True)
class Report:
    """What `check` found: the networks, or what is wrong; with warnings in either case. Of a grid, the first of its points."""

    networks: Mapping[str, NetworkReport] = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = ()
    where: str = ""  # the point, in words
    num_points: int = 1

    @property
    def wrong(self) -> bool:
        """Whether there is more than warnings."""
        return any(diagnostic.severity == "error" for diagnostic in self.diagnostics)

    @property
    def params(self) -> int | None:
        """The parameters of all networks together."""
        counts = [network.params for network in self.networks.values()]
        return None if None in counts or not counts else sum(count or 0 for count in counts)

    @property
    def dense_layers(self) -> int:
        """The dense layers of all networks together."""
        return sum(network.dense_layers for network in self.networks.values())

    def as_json(self) -> dict[str, Any]:
        networks = {name: network.as_json() for name, network in self.networks.items()}
        diagnostics = [as_json(diagnostic) for diagnostic in self.diagnostics]
        return {"networks": networks, "params": self.params, "diagnostics": diagnostics}


@dataclass(frozen=True)
class Inputs:
    """The widths that the networks are checked with: those of an environment, or one for all, or none."""

    env: Environment | None = None
    in_features: int | None = None

    def of(self, name: str) -> Type:
        return Type.of_input(self.env.in_features(name) if self.env else self.in_features)

    def takes(self, name: str) -> bool:
        """An environment has inputs for the roles alone."""
        return self.env is None or name in ROLES

    @property
    def action_dim(self) -> int | None:
        return self.env.action_dim if self.env else None


def refuse_unknown_width(networks: Iterable[str], inputs: Inputs) -> None:
    """Raise E0604 where the input width of a network is not known."""
    if unknown := [name for name in networks if inputs.of(name).width is None]:
        message = f"the input width of {', '.join(unknown)} is not known"
        help = "`--in N` gives it to every network, `--env E` to each role its own"
        raise DiagnosticError([Diagnostic("E0604", message, help=help)])


def make_inputs(in_features: int | None, env: Environment | None) -> Inputs:
    if in_features is not None:
        check_width(in_features, "in_features")
    return Inputs(env, in_features)


def examine(spec: Spec, inputs: Inputs) -> Report:
    """One point of a grid: its networks if all is right, else everything that is wrong."""
    spec = spec.at(inputs.action_dim)
    collector = Collector()
    for diagnostic in spec.elaboration.diagnostics:
        collector.add(diagnostic)
    networks = {name: network(name, body) for name, body in spec.elaboration.networks.items() if inputs.takes(name)}
    refuse_missing_roles(spec, inputs, collector)
    outputs = {name: check_shapes(net, inputs.of(name), collector) for name, net in networks.items()}
    sound = {name: y for name, y in outputs.items() if name not in collector.networks and not y.wrong}
    check_roles(networks, sound, collector)
    refuse_other_actions(networks, sound, inputs.env, collector)
    if collector.diagnostics:
        return Report(diagnostics=collector.results())
    found = {name: NetworkReport(net, inputs.of(name), outputs[name]) for name, net in networks.items()}
    return Report(found, unused(spec.written, spec.file, tuple(spec.elaboration.networks)))


def check_grid(spec: Spec, inputs: Inputs) -> Report:
    """Every point of a grid: the networks of the default point if all is right, else everything that is wrong anywhere."""
    rows = points(spec, inputs)
    first = next(rows)
    diagnostics = diagnostics_of(spec, chain([first], rows))
    if any(diagnostic.severity == "error" for diagnostic in diagnostics):
        raise SpecError(diagnostics)
    return replace(first[1], where=spec.where, num_points=spec.num_points)


def diagnostics_of(spec: Spec, rows: Iterable[tuple[Point, Report]]) -> tuple[Diagnostic, ...]:
    """What is wrong anywhere in a grid, each once, with the values that make it wrong where the first point is right."""
    collector = Collector()
    try:
        for index, (point, found) in enumerate(rows):
            for diagnostic in found.diagnostics:
                collector.add(at_point(diagnostic, point, spec) if index else diagnostic)
    except SpecError as error:  # too many points; what is wrong with those that were looked at is told all the same
        for diagnostic in error.diagnostics:
            collector.add(diagnostic)
    return collector.results()


def points(spec: Spec, inputs: Inputs) -> Iterator[tuple[Point, Report]]:
    """Every point of a grid with what was found there. Raises `SpecError` where the grid is more than anyone could mean."""
    steps = 0
    for point in spec.expand():
        there = replace(point.spec, action_dim=point.spec.action_dim or inputs.action_dim)  # forgotten with all that it holds
        yield point, examine(there, inputs)
        steps += there.elaboration.steps
        if steps > MAX_GRID_STEPS and spec.axes:
            message = f"writing this grid out takes more than {MAX_GRID_STEPS:,} steps"
            raise SpecError([Diagnostic("E0211", message, spec.axes[0].span, help="narrow an axis with `--set`")])


def at_point(diagnostic: Diagnostic, point: Point, spec: Spec) -> Diagnostic:
    """A mistake that the default point does not have, with the values that make it one."""
    others = {axis.name: point.values[axis.name] for axis in spec.axes if point.values[axis.name] != axis.options[0]}
    note = f"with {', '.join(f'{name} = {value}' for name, value in others.items())}"
    return replace(diagnostic, notes=(*diagnostic.notes, note)) if others else diagnostic


def ready_to_lower(network: ir.Network, in_features: int) -> ir.Node:
    """The body of a network, checked, in canonical form, so that networks of one hash are lowered alike."""
    check_network(network, in_features)
    return lowered_form(network)


def lowered_form(network: ir.Network) -> ir.Node:
    """The body of a network as it is lowered: its canonical form."""
    return canonicalize(network.body)


def refuse_missing_roles(spec: Spec, inputs: Inputs, collector: Collector) -> None:
    there = {*spec.elaboration.networks, *spec.file.broken}
    missing = [role for role in ROLES if role not in there] if inputs.env else []
    if missing and not spec.elaboration.diagnostics:
        message = f"an environment needs the roles {', '.join(ROLES)}; missing: {', '.join(missing)}"
        meant = next(filter(None, (misspelt(role, spec) for role in missing)), None)
        first = next((definition.name_span for definition in spec.file.definitions), spec.file.source.span(0, 0))
        span, help, edit = meant or (first, ROLE_HELP, None)
        collector.add(Diagnostic("E0404", message, span, help=help, replacement=edit))


def misspelt(role: str, spec: Spec) -> tuple[Span, str, Replacement] | None:
    """The definition that was probably meant for a role: its name, what to do, and how."""
    names = {d.name: d.name_span for d in spec.file.definitions if d.name not in ROLES and not d.parameters}
    name = next((name for name in names if suggestion(name, [role])), None)
    if name is None:
        return None
    return names[name], f"did you mean `{role}` by `{name}`?", Replacement(names[name], role)


ROLE_HELP = (
    "`actor = …, gaussian`, and for the critic `sa_encoder = …, dense64` and `g_encoder = …, dense64`; "
    "`--in N` checks a network without roles"
)


def refuse_other_actions(
    networks: Mapping[str, Network], outputs: Mapping[str, Type], env: Environment | None, collector: Collector
) -> None:
    actor = outputs.get("actor")
    if env is None or actor is None or not actor.distribution or actor.width == env.action_dim:
        return
    message = f"the actor has {actor.width} actions; {env.name} has {env.action_dim}"
    help = "write `gaussian` without a number"
    collector.add(Diagnostic("E0406", message, end(networks["actor"]), help=help))
