"""What `archlang.parse` gives: a specification with its networks, and names bound to other values."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from itertools import groupby, product
from math import log10, prod
from types import MappingProxyType
from typing import Any

from archlang import ir, syntax
from archlang.analysis.params import dense_layers, num_params
from archlang.checks.shapes import check_shapes
from archlang.definitions import Axis, axes_in, needed_in, networks_in, takes_actions
from archlang.diagnostics import MAX_SHOWN, Collector, Diagnostic, SpecError, did_you_mean, render
from archlang.elaborate import Elaboration, elaborate
from archlang.infer import output_type
from archlang.limits import MAX_POINTS, MAX_WIDTH
from archlang.names import ROLES
from archlang.parse import parse
from archlang.passes.canonicalize import canonical_hash
from archlang.source import Source, Span
from archlang.types import Type
from archlang.unparse import unparse
from archlang.unparse import value as number_text

Value = int | float | str | Sequence[int]  # of a definition, from Python or the command line


class Network(ir.Network):
    """A network of a specification, with what can be asked of it."""

    def num_params(self, in_features: int) -> int:
        """The exact number of parameters for inputs `[batch, in_features]`. Raises `SpecError` where it takes none."""
        check_network(self, in_features)
        return num_params(self.body, Type.of_input(in_features))

    def output_type(self, in_features: int | None = None) -> Type:
        """The type of the output, such as `f32[64]`."""
        return output_type(self.body, Type.of_input(in_features))

    def __str__(self) -> str:
        """The text of the network, with every definition put in."""
        return f"{self.name} = {unparse(self.body)}"

    def html(self, in_features: int | None = None) -> str:
        """The tree with the type and the parameters of every node for inputs `[batch, in_features]`, for a notebook."""
        from archlang.html import html  # here, and below, because few need it

        return html({self.name: self}, {self.name: in_features})

    def _repr_html_(self) -> str:
        return self.html()

    @property
    def hash(self) -> str:
        """The content hash: equal for networks that compute the same with the same parameters, whatever their names, however
        they are written (`x*1`, `(x*2)*3`, `id`) and annotated for the plan."""
        return canonical_hash(self.body)

    @property
    def dense_layers(self) -> int:
        """The number of dense layers, stacks counted in full."""
        return dense_layers(self.body)


@dataclass(frozen=True, eq=False, repr=False)
class Spec:
    """A parsed specification, at one point of its grid. Immutable: `bind` and `expand` give others."""

    written: syntax.File  # with the definitions of the files that it uses
    file: syntax.File  # the same with bindings in the place of definitions
    action_dim: int | None = None
    choices: Mapping[Span, int] = field(default_factory=dict)  # of axes; those that are not in it stand at their first value
    note: str | None = None  # what else the text may have been meant for, where something is wrong with it

    @staticmethod
    def of(file: syntax.File) -> Spec:
        """What a file says, the definitions that it uses among its own."""
        return Spec(file, file)

    @property
    def text(self) -> str:
        """The specification as one text that needs no other file, without bindings."""
        file = self.written
        if not file.uses:
            return file.source.text
        needed = needed_in(file, networks_in(file)) if file.expression else file.by_name.keys()
        groups = by_source(definition for definition in file.definitions if definition.name in needed)
        whole = "\n\n".join(f"# from {name}\n{body}" for name, body in groups)
        return f"{whole}\n" if file.expression is None else with_expression(whole, file.expression.span.text)

    @cached_property
    def elaboration(self) -> Elaboration:
        """The networks as far as they are right, and what is wrong."""
        found = elaborate(self.file, self.choices, self.action_dim)
        return replace(found, diagnostics=noted(found.diagnostics, self.note))

    @cached_property
    def networks(self) -> Mapping[str, Network]:
        """The networks by name: the roles; without roles, the definitions that no other uses; or `network`.

        Raises `SpecError` where something is wrong.
        """
        if self.elaboration.diagnostics:
            raise SpecError(self.elaboration.diagnostics)
        return MappingProxyType({name: network(name, body) for name, body in self.elaboration.networks.items()})

    def __getstate__(self) -> dict[str, Any]:
        """What it is, without what was found of it: that is found again."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def __eq__(self, other: object) -> bool:
        """Whether two specifications have the same networks and the same axes, however they are written."""
        return isinstance(other, Spec) and self.networks == other.networks and self.grid == other.grid

    def __hash__(self) -> int:
        return hash(tuple(self.networks.values()))

    def __repr__(self) -> str:
        names = list(self.elaboration.networks)
        return f"<Spec {self.file.source.name}: {', '.join(names)}{f' at {self.where}' if self.axes else ''}>"

    def _repr_html_(self) -> str:
        """What notebooks show: a tree for each network, or what is wrong."""
        from html import escape

        from archlang.html import html

        if self.elaboration.diagnostics:
            return f"<pre>{escape(render(self.elaboration.diagnostics))}</pre>"
        return html(self.networks, {})

    # --- other values -------------------------------------------------------------------------------------------------

    def bind(self, values: Mapping[str, Value] | None = None, /, *, action_dim: int | None = None, **more: Value) -> Spec:
        """The same text with other values for some of its definitions: `spec.bind(depth=16, norm="rms", widths=[512, 256])`.

        A value may be an axis: `bind(depth="4 | 16")`. `action_dim` is the width of a bare `gaussian`; a definition of that
        name is bound by `bind({"action_dim": 3})`. Raises `SpecError` where a name is not defined or a value is wrong.
        """
        spec = self.bound({**(values or {}), **more}, action_dim)
        _ = spec.networks  # so that a wrong value is an error here
        return spec

    def bound(self, values: Mapping[str, Value], action_dim: int | None = None) -> Spec:
        """As `bind`; what is wrong is found later."""
        if action_dim is not None:
            check_width(action_dim, "action_dim")
        bindings = {name: binding(name, as_text(value)) for name, value in values.items()}
        known = self.file.by_name
        file = replace(self.file, definitions=tuple(bindings.get(name, definition) for name, definition in known.items()))
        needed = needed_in(file, networks_in(file))
        mistakes = [has_no_effect(bound) for name, bound in bindings.items() if name in known and name not in needed]
        missing = [] if file.incomplete else [bound for name, bound in bindings.items() if name not in known]
        mistakes += [unknown_binding(bound, known) for bound in missing]
        file = replace(file, mistakes=(*file.mistakes, *mistakes)) if mistakes else file
        return replace(self, file=file, action_dim=action_dim or self.action_dim)

    def at(self, action_dim: int | None) -> Spec:
        """The same with this width of a bare `gaussian`, unless it has one already."""
        return self if self.action_dim is not None or action_dim is None else replace(self, action_dim=action_dim)

    @property
    def takes_actions(self) -> bool:
        """Whether a network, at any point of the grid, has a `gaussian` without a width."""
        nodes = [self.file.by_name[name] for name in needed_in(self.file, networks_in(self.file))]
        return any(map(takes_actions, [*nodes, *([self.file.expression] if self.file.expression else [])]))

    # --- the grid -----------------------------------------------------------------------------------------------------

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """The choices that the networks depend on and that are still open."""
        return tuple(axis for axis in axes_in(self.file) if axis.span not in self.choices)

    @property
    def grid(self) -> dict[str, tuple[str, ...]]:
        """The axes by name, with their alternatives as they are written."""
        return {axis.name: axis.options for axis in self.axes}

    @property
    def num_points(self) -> int:
        """How many points the grid has; 1 without axes."""
        return prod(len(axis.options) for axis in self.axes)

    @cached_property
    def where(self) -> str:
        """The default point in words: `depth = 64, norm = ln`."""
        return ", ".join(f"{axis.name} = {axis.options[0]}" for axis in self.axes)

    def expand(self) -> tuple[Point, ...]:
        """Every point of the grid, the last axis changing fastest; a specification without axes is one point.

        Raises `SpecError` (E0211) where there are too many to look at.
        """
        if self.num_points > MAX_POINTS:
            raise SpecError([too_many_points(self)])
        return tuple(self.point(indices) for indices in product(*(range(len(axis.options)) for axis in self.axes)))

    def point(self, indices: Sequence[int]) -> Point:
        chosen = {axis.span: index for axis, index in zip(self.axes, indices, strict=True)}
        values = {axis.name: axis.options[index] for axis, index in zip(self.axes, indices, strict=True)}
        return Point(values, replace(self, choices={**self.choices, **chosen}))


@dataclass(frozen=True)
class Point:
    """A point of a grid: what each axis is there, and the specification with those choices made."""

    values: Mapping[str, str]
    spec: Spec


def noted(diagnostics: tuple[Diagnostic, ...], note: str | None) -> tuple[Diagnostic, ...]:
    """The diagnostics with one more note."""
    return tuple(replace(found, notes=(*found.notes, note)) for found in diagnostics) if note else diagnostics


def check_network(network: ir.Network, in_features: int) -> None:
    """Raise `SpecError` where one network does not take inputs of that width."""
    collector = Collector()
    check_shapes(network, Type.of_input(check_width(in_features, "in_features")), collector)
    collector.raise_if_any()


def network(name: str, body: ir.Expression) -> Network:
    # Without validation: the body is IR already, and one more schema would cost every command its building.
    return Network.model_construct(name=name, body=body, span=body.span)


def by_source(definitions: Iterable[syntax.Definition]) -> list[tuple[str, str]]:
    """The texts of definitions, those of one source together."""
    groups = groupby(definitions, key=lambda definition: definition.span.source)
    return [(source.name, "\n".join(definition.span.text for definition in group)) for source, group in groups]


def with_expression(definitions: str, expression: str) -> str:
    """Definitions and one expression as definitions alone; a role among them is one no more, so that it hides no network."""
    names = re.compile(rf"\b({'|'.join(ROLES)}|network)\b")
    definitions, expression = (names.sub(r"\1_", text) for text in (definitions, expression))
    return f"{definitions}\n\nnetwork = {expression}\n".lstrip("\n")


def too_many_points(spec: Spec) -> Diagnostic:
    sizes = " × ".join(str(len(axis.options)) for axis in spec.axes[:12]) + (" × …" if len(spec.axes) > 12 else "")
    digits = sum(log10(len(axis.options)) for axis in spec.axes)
    number = f"{spec.num_points:,}" if digits < 15 else f"more than 10**{int(digits)}"
    message = f"this grid has {number} points ({sizes}); {MAX_POINTS:,} are looked at"
    largest = max(spec.axes, key=lambda axis: len(axis.options))
    help = f"narrow an axis, for instance `--set '{largest.name}={largest.options[0]}'`" if "." not in largest.name else None
    return Diagnostic("E0211", message, largest.span, f"{len(largest.options)} alternatives", help=help)


def has_no_effect(bound: syntax.Definition) -> Diagnostic:
    message = f"no network depends on `{bound.name}`: to set it changes nothing"
    return Diagnostic("E0603", message, bound.name_span, help="leave it away, or set what the networks are made of")


def unknown_binding(bound: syntax.Definition, known: Collection[str]) -> Diagnostic:
    similar = did_you_mean(bound.name, known)
    listed = f"it defines {', '.join(sorted(known)[:MAX_SHOWN])}" if known else "it has no definitions"
    help = f"did you mean `{similar}`?" if similar else listed
    return Diagnostic("E0201", f"the specification does not define `{bound.name}`", bound.name_span, help=help)


def as_text(value: Value) -> str:
    """A value from Python or the command line as a specification has it: `[512, 256]`, `{-3}`."""
    if isinstance(value, str):
        return value
    if isinstance(value, Sequence):
        return f"[{', '.join(map(as_text, value))}]"
    number = number_text(value)
    return f"{{{number}}}" if number.startswith("-") else number


def check_width(width: object, name: str) -> int:
    """The width; raises `SpecError` where it is none."""
    if isinstance(width, int) and not isinstance(width, bool) and 1 <= width <= MAX_WIDTH:
        return width
    message = f"{name} is a whole number from 1 to {MAX_WIDTH}; got {width!r}"
    raise SpecError([Diagnostic("E0204", message, Source(str(width), name).span())])


def settings(texts: Iterable[str] | None) -> dict[str, str]:
    """`depth=16`, `norm=id` → names and values, for `bind`. Raises `SpecError` for what sets nothing, and for a name twice."""
    found: dict[str, str] = {}
    for text in texts or ():
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or name in found:
            message = f"`{name}` is set twice" if equals else f"`{text}` sets nothing"
            raise SpecError([Diagnostic("E0101", message, Source(text, "--set").span(), help="for instance `depth=16`")])
        found[name] = value
    return found


def binding(name: str, value: str) -> syntax.Definition:
    """`depth`, `16` → the definition `depth = 16`."""
    source = Source(f"{name} = {value}", f"--set {name}")
    file = parse(source) if name.isidentifier() else None
    if file is not None and file.mistakes:
        raise SpecError(file.mistakes)
    if file is not None and len(file.definitions) == 1:
        return file.definitions[0]
    help = "give the choice in parentheses a name of its own, and set that" if re.fullmatch(r"\w+\.\d+", name) else None
    help = help or "for instance `depth=16`"
    raise SpecError([Diagnostic("E0101", f"`{name}={value}` does not set one name", source.span(), help=help)])
