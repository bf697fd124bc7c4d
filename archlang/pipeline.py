"""The stages, in order: text → syntax → ir → checked. Each is a function of the one before; stop at any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from archlang import ir, syntax
from archlang.analysis.params import dense_layers, num_params
from archlang.checks.roles import check_roles, end
from archlang.checks.shapes import check_shapes
from archlang.diagnostics import Collector, Diagnostic, SpecError, as_json
from archlang.names import ROLES
from archlang.parse import parse as parse_source
from archlang.read import load_source, shipped_like
from archlang.source import Source
from archlang.spec import Network, Spec, Value, check_width
from archlang.types import Type
from archlang.workload import Environment, environment


def text(spec: str) -> Source:
    """SPEC, as on the command line → the text: a file, a shipped specification, or the text itself."""
    return load_source(spec)


def tree(source: Source) -> syntax.File:
    """Text → surface tree."""
    return parse_source(source)


def elaborated(file: syntax.File, values: Mapping[str, Value] | None = None, action_dim: int | None = None) -> Spec:
    """Surface tree → specification, whose networks are typed IR; `values` and `action_dim` as in `Spec.bind`."""
    return Spec(file).bind(values, action_dim=action_dim)


def load(spec: str, values: Mapping[str, Value] | None = None, *, action_dim: int | None = None) -> Spec:
    """Read a specification: a path that ends in `.arch`, the name of a shipped one, or a text. Raises `SpecError`.

    `values` are given to its definitions before anything is looked at, so that they can mend it.
    """
    try:
        return elaborated(tree(text(spec)), values, action_dim)
    except SpecError as error:
        raise with_shipped(error, spec) from None


def with_shipped(error: SpecError, spec: str) -> SpecError:
    """A word that is no network may be a shipped specification, misspelt."""
    similar = None if spec.endswith(".arch") else shipped_like(spec)
    if similar is None or similar == spec:
        return error
    note = f"a shipped specification is called `{similar}`"
    return SpecError(replace(diagnostic, notes=(*diagnostic.notes, note)) for diagnostic in error.diagnostics)


def parse(text: str, name: str = "<inline>") -> Spec:
    """Parse a text.

    >>> parse("res(4x<dense256,ln,swish>)*250").networks["network"].num_params(256)
    66304000
    """
    return elaborated(tree(Source(text, name)))


@dataclass(frozen=True)
class NetworkReport:
    """What is known of a network. What depends on an input width that nobody gave is None."""

    in_features: int | None
    out_features: int | None
    params: int | None
    dense_layers: int
    hash: str

    def as_json(self) -> dict[str, Any]:
        numbers = {"in": self.in_features, "out": self.out_features, "params": self.params}
        return numbers | {"dense_layers": self.dense_layers, "hash": self.hash}


@dataclass(frozen=True)
class Report:
    """What `check` found: the networks, and diagnostics where something is wrong."""

    networks: Mapping[str, NetworkReport] = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def params(self) -> int | None:
        """The parameters of all networks together."""
        counts = [network.params for network in self.networks.values()]
        return None if None in counts or not counts else sum(count or 0 for count in counts)

    def as_json(self) -> dict[str, Any]:
        networks = {name: network.as_json() for name, network in self.networks.items()}
        diagnostics = [as_json(diagnostic) for diagnostic in self.diagnostics]
        return {"networks": networks, "params": self.params, "diagnostics": diagnostics}


def check(spec: Spec | str, *, in_features: int | None = None, env: Environment | str | None = None) -> Report:
    """Check types and roles, and count parameters.

    `in_features` is the input width of every network; `env` gives each role its own, and the width of a bare `gaussian`.
    Raises `SpecError` with everything that is wrong.
    """
    spec = load(spec) if isinstance(spec, str) else spec
    env = environment(env) if isinstance(env, str) else env
    if in_features is not None:
        check_width(in_features, "in_features")
    if env is not None and spec.action_dim is None:
        spec = spec.bind(action_dim=env.action_dim)
    collector = Collector()
    refuse_missing_roles(spec, env, collector)
    inputs = {name: Type(env.in_features(name) if env else in_features) for name in spec.networks}
    outputs = {name: check_shapes(network, inputs[name], collector) for name, network in spec.networks.items()}
    sound = {name: output for name, output in outputs.items() if name not in collector.networks}
    check_roles(spec.networks, sound, collector)
    refuse_other_actions(spec, sound, env, collector)
    collector.raise_if_any()
    return Report({name: report(net, inputs[name], outputs[name]) for name, net in spec.networks.items()})


def check_network(network: ir.Network, in_features: int) -> None:
    """Raise `SpecError` where one network does not take inputs of that width."""
    collector = Collector()
    check_shapes(network, Type(check_width(in_features, "in_features")), collector)
    collector.raise_if_any()


def refuse_missing_roles(spec: Spec, env: Environment | None, collector: Collector) -> None:
    missing = [role for role in ROLES if role not in spec.networks] if env else []
    if missing:
        message = f"an environment needs the roles {', '.join(ROLES)}; missing: {', '.join(missing)}"
        raise SpecError([Diagnostic("E0404", message, spec.file.source.span(0, 0), help=ROLE_HELP)])


ROLE_HELP = (
    "`actor = …, gaussian`, and for the critic `sa_encoder = …, dense64` and `g_encoder = …, dense64`; "
    "`--in N` checks a network without roles"
)


def refuse_other_actions(spec: Spec, outputs: Mapping[str, Type], env: Environment | None, collector: Collector) -> None:
    actor = outputs.get("actor")
    if env is None or actor is None or not actor.distribution or actor.width == env.action_dim:
        return
    message = f"the actor has {actor.width} actions; {env.name} has {env.action_dim}"
    help = "write `gaussian` without a number"
    collector.add(Diagnostic("E0406", message, end(spec.networks["actor"]), help=help))


def report(network: ir.Network, x: Type, y: Type) -> NetworkReport:
    params = None if x.width is None else num_params(network.body, x)
    return NetworkReport(x.width, y.width, params, dense_layers(network.body), network.hash)


__all__ = ["Network", "NetworkReport", "Report", "Spec", "check", "load", "parse"]
