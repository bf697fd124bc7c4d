"""What `archlang.parse` gives: a specification with its networks, and names bound to other values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType

from archlang import ir, syntax
from archlang.analysis.params import dense_layers, num_params
from archlang.diagnostics import Diagnostic, SpecError
from archlang.elaborate import elaborate
from archlang.infer import output_type
from archlang.limits import MAX_WIDTH
from archlang.parse import parse
from archlang.source import Source
from archlang.types import Type

Value = int | float | str  # of a definition, from Python or the command line


class Network(ir.Network):
    """A network of a specification, with what can be asked of it."""

    def num_params(self, in_features: int) -> int:
        """The exact number of parameters for inputs `[batch, in_features]`."""
        return num_params(self.body, Type(check_width(in_features, "in_features")))

    def output_type(self, in_features: int | None = None) -> Type:
        """The type of the output, such as `f32[64]`."""
        return output_type(self.body, Type(in_features))

    @property
    def dense_layers(self) -> int:
        """The number of dense layers, stacks counted in full."""
        return dense_layers(self.body)


@dataclass(frozen=True, eq=False, repr=False)
class Spec:
    """A parsed specification. Immutable: `bind` gives another one."""

    file: syntax.File
    overrides: tuple[syntax.Definition, ...] = ()
    action_dim: int | None = None

    @property
    def text(self) -> str:
        """The text as written, without bindings."""
        return self.file.source.text

    @cached_property
    def networks(self) -> Mapping[str, Network]:
        """The networks by name: the roles; without roles, the definitions that no other uses; or `network`."""
        bodies = elaborate(self.file, self.overrides, self.action_dim)
        # Without validation: the bodies are IR already, and one more schema would cost every command its building.
        made = {name: Network.model_construct(name=name, body=body, span=body.span) for name, body in bodies.items()}
        return MappingProxyType(made)

    def __repr__(self) -> str:
        return f"<Spec {self.file.source.name}: {', '.join(self.networks)}>"

    def bind(self, values: Mapping[str, Value] | None = None, /, *, action_dim: int | None = None, **more: Value) -> Spec:
        """The same text with other values for some of its definitions: `spec.bind(depth=16, norm="rms")`.

        `action_dim` is the width of a bare `gaussian`; a definition of that name is bound by `bind({"action_dim": 3})`.
        Raises `SpecError` where a name is not defined or a value is wrong.
        """
        if action_dim is not None:
            check_width(action_dim, "action_dim")
        chosen = {**(values or {}), **more}
        kept = tuple(d for d in self.overrides if d.name not in chosen)
        bound = (*kept, *(binding(name, str(value)) for name, value in chosen.items()))
        spec = replace(self, overrides=bound, action_dim=action_dim or self.action_dim)
        _ = spec.networks  # so that a wrong value is an error here
        return spec


def check_width(width: object, name: str) -> int:
    """The width; raises `SpecError` where it is none."""
    if isinstance(width, int) and not isinstance(width, bool) and 1 <= width <= MAX_WIDTH:
        return width
    message = f"{name} is a whole number from 1 to {MAX_WIDTH}; got {width!r}"
    raise SpecError([Diagnostic("E0204", message, Source(str(width), name).span())])


def binding(name: str, value: str) -> syntax.Definition:
    """`depth`, `16` → the definition `depth = 16`."""
    source = Source(f"{name} = {value}", f"--set {name}")
    definitions = parse(source).definitions if name.isidentifier() else ()
    if len(definitions) == 1:
        return definitions[0]
    help = "for instance `depth=16`"
    raise SpecError([Diagnostic("E0101", f"`{name}={value}` does not set one name", source.span(), help=help)])
