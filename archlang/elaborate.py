"""Surface tree → IR: names, definitions with their arguments, lists, numbers. Types are not looked at here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from archlang import arguments, combinators, ir, pieces, syntax
from archlang.annotate import annotate, refuse_unknown
from archlang.definitions import KEPT, networks_in
from archlang.diagnostics import Diagnostic
from archlang.layers import LAYERS, find_layer, plugins
from archlang.limits import MAX_FILE_NODES, MAX_NESTING, MAX_STEPS
from archlang.names import COMBINATORS, RESERVED, ROLES, split_glued
from archlang.pieces import Piece, too_deep
from archlang.scope import Exhausted, Scope, Value
from archlang.source import Source, Span
from archlang.wrong import Wrong, wrong

Literals = dict[tuple[Span, int | None], Piece]  # by place and action width


@dataclass(frozen=True)
class Elaboration:
    """The bodies of a specification's networks, as far as they are right; what is wrong; and how much work it was."""

    networks: Mapping[str, ir.Expression]
    diagnostics: tuple[Diagnostic, ...]
    steps: int


def elaborate(file: syntax.File, choices: Mapping[Span, int], action_dim: int | None = None) -> Elaboration:
    """The networks of a file: its roles; without roles, the definitions that no other uses; or its one expression.

    `choices` says which alternative of an axis is chosen, the first if it does not; `action_dim` is the width of a bare
    `gaussian`. What was wrong is a hole in its network.
    """
    elaborator = Elaborator(
        file.by_name, file.broken, file.incomplete, choices, action_dim=action_dim, literals=literals_in(file)
    )
    for mistake in file.mistakes:
        elaborator.collector.add(mistake)
    try:
        networks = elaborator.networks(file)
    except Exhausted:
        networks = {}
        message = f"writing this specification out takes more than {MAX_STEPS:,} steps"
        help = "a definition with parameters is written out each time it is used"
        elaborator.report(wrong("E0209", message, file.source.span(0, 0), help=help))
    return Elaboration(networks, elaborator.collector.results(), elaborator.steps + elaborator.nodes)


@dataclass
class Elaborator(Scope):
    """One elaboration."""

    action_dim: int | None = None
    literals: Literals = field(default_factory=dict)
    nodes: int = 0  # of all networks

    def networks(self, file: syntax.File) -> dict[str, ir.Expression]:
        values = {name: self.definition(name) for name, d in self.definitions.items() if not d.parameters}
        chosen = networks_in(file)
        if file.expression is not None:
            values, chosen = {"network": self.value(file.expression)}, ("network",)
        found = {name: values[name] for name in chosen if name in values}
        self.refuse_numbers(file, found)
        networks = {name: value for name, value in found.items() if isinstance(value, Piece)}
        self.refuse_none(file, networks)
        nodes = sum(piece.size for piece in networks.values())
        if nodes > MAX_FILE_NODES:
            self.report(too_large(nodes, file.source))
            return {}
        self.nodes = nodes
        return {name: piece.node for name, piece in networks.items()}

    def refuse_numbers(self, file: syntax.File, found: Mapping[str, Value]) -> None:
        """A role, or a text as a whole, cannot be a number."""
        roles = {name: value for name, value in found.items() if name in ROLES or file.expression is not None}
        for name, value in roles.items():
            if isinstance(value, int | float | tuple):
                place = self.chosen(file.expression or self.definitions[name].value)
                self.report(no_network(place.span, a_list=isinstance(value, tuple)))

    def refuse_none(self, file: syntax.File, networks: Mapping[str, Piece]) -> None:
        if networks or self.collector.diagnostics:
            return
        waiting = next((definition for definition in self.definitions.values() if definition.parameters), None)
        used = any(isinstance(self.known.get(name), Piece) for name in self.definitions)
        help = "each is used by another; define one more that is the network" if used else "for instance `net = dense256, ln`"
        name = "net" if "net" not in self.definitions else "network"
        help = f"`{waiting.name}` takes arguments; for instance `{name} = {waiting.name}(…)`" if waiting else help
        place = file.definitions[0].name_span if file.definitions else file.source.span(0, 0)
        self.report(wrong("E0405", "the specification defines no network", place, help=help))

    # --- pieces of network --------------------------------------------------------------------------------------------

    def piece(self, item: syntax.Item) -> Piece:
        """What an item stands for; a hole where it is wrong, which is reported."""
        self.step()
        self.depth += 1
        try:
            if self.depth > MAX_NESTING + 1:
                raise too_deep(item.span)
            return BUILDERS[type(item)](self, item)
        except Wrong as mistake:
            self.report(mistake)
            return pieces.hole(item.span)
        finally:
            self.depth -= 1

    def sequence(self, sequence: syntax.Sequence) -> Piece:
        try:
            refuse_numbers_alone(sequence)
            return pieces.sequence([self.piece(item) for item in sequence.items], sequence.span)
        except Wrong as mistake:
            self.report(mistake)
            return pieces.hole(sequence.span)

    def group(self, group: syntax.Group) -> Piece:
        def build() -> Piece:
            return self.sequence(self.chosen(group.body))

        return pieces.inside(self.written_out(group.span, build) if group.unit else build(), group.span)

    def times(self, times: syntax.Times) -> Piece:
        count, body = self.attempt(lambda: self.count(times.count, "copies")), self.piece(times.body)
        return pieces.times(body, present(count), times.span)

    def stack(self, stack: syntax.Stack) -> Piece:
        count, body = self.attempt(lambda: self.count(stack.count, "a stack")), self.piece(stack.body)
        return pieces.stack(body, present(count), stack.span)

    def annotated(self, item: syntax.Annotated) -> Piece:
        def given() -> list[arguments.Given]:
            refuse_unknown(item)
            return [arguments.given(a, self.number) for branch in item.arguments for a in branch]

        values, body = self.attempt(given), self.piece(item.body)
        return body if body.wrong else annotate(item, present(values), body)

    def no_network(self, item: syntax.Number | syntax.Splice | syntax.List) -> Piece:
        raise no_network(item.span, a_list=isinstance(item, syntax.List))

    # --- calls --------------------------------------------------------------------------------------------------------

    def call(self, call: syntax.Call) -> Piece:
        """A definition, a combinator or a layer; an exact name wins over a glued number."""
        if self.knows(call.name) and call.name not in RESERVED:
            return self.reference(call, call.name, [])
        if self.is_misnamed(call):
            raise Wrong  # a name that belongs to the language; reported where it is defined
        if call.name in COMBINATORS:
            return combinators.BUILDERS[call.name](call, self)
        if call.name in LAYERS:
            return self.layer(call, call.name, [])
        return self.glued(call)

    def is_misnamed(self, call: syntax.Call) -> bool:
        """Whether a call means a definition whose name belongs to the language."""
        own = self.definitions.get(call.name)
        return own is not None and (bool(own.parameters) or not (call.name in COMBINATORS or is_layer(call.name)))

    def glued(self, call: syntax.Call) -> Piece:
        """`dense256`, and `unit256` for a definition with parameters."""
        name, digits = split_glued(call.name) or (call.name, "")
        span = Span(call.span.source, max(call.name_span.start, call.name_span.end - len(digits)), call.name_span.end)
        first = [syntax.Argument(span, syntax.Number(span, digits))]
        if name in self.broken and name not in self.definitions:
            raise Wrong
        if name in COMBINATORS:
            raise combinators.takes_no_number(name, span)
        numbered = digits and call.glued is None
        if numbered and name in self.definitions and self.definitions[name].parameters:
            return self.reference(call, name, first)
        if numbered and name in LAYERS:
            return self.layer(call, name, first)
        if is_layer(call.name):  # of a plug-in; to look for those takes long
            return self.layer(call, call.name, [])
        if numbered and is_layer(name):
            return self.layer(call, name, first)
        known = [*self.locals, *self.definitions, *LAYERS, *plugins().layers, *COMBINATORS]
        mistake = self.unknown(call.name, call.name_span, known, "layers", [*LAYERS, *plugins().layers])
        return self.as_meant(call, arguments.with_notes(mistake, plugins().problems))

    def as_meant(self, call: syntax.Call, mistake: Wrong) -> Piece:
        """What a call certainly means, after saying that it is called otherwise: so its arguments are looked at too."""
        edit = next((found.replacement for found in mistake.diagnostics if found.replacement), None)
        if edit is None or not edit.safe or edit.text == call.name:
            raise mistake
        self.report(mistake)
        return self.call(replace(call, name=edit.text))

    def reference(self, call: syntax.Call, name: str, first: list[syntax.Argument]) -> Piece:
        """A definition or a parameter where it is used."""
        definition = None if name in self.locals else self.definitions.get(name)
        if definition is None and name not in self.locals:
            raise Wrong  # its definition holds a syntax mistake
        if definition is not None and definition.parameters and (given := arguments.written(call, first)):
            return self.expanded(call, definition, given)
        if first or call.glued is not None or call.branches is not None:
            raise wrong("E0206", f"`{name}` takes no arguments", call.span, help=f"write `{name}`")
        value = self.look_up(name, call.name_span)
        if isinstance(value, Piece):
            return pieces.inside(value, call.span)
        what = "a list of numbers" if isinstance(value, tuple) else "a number"
        help = f"it goes in braces: `dense{{{name}}}` in a layer, `{{{name}}}` as a value"
        raise wrong("E0205", f"`{name}` is {what}, not a network", call.span, help=help)

    def expanded(self, call: syntax.Call, definition: syntax.Definition, given: Sequence[syntax.Argument]) -> Piece:
        """A definition with the arguments of a call put in."""
        self.refuse_ring(definition.name, call.name_span)
        places = arguments.places(definition, given, call)
        values = {name: self.attempt(lambda argument=argument: self.argument(argument)) for name, argument in places.items()}
        with self.inside(definition.name, values, call.span):
            value = self.value(definition.value)
        if isinstance(value, Piece):
            return pieces.inside(value, call.span)
        raise Wrong if value is None else wrong("E0205", f"`{definition.name}` gives a number, not a network", call.span)

    def argument(self, argument: syntax.Argument) -> Value:
        """An argument of a definition: a number, a list or a piece of network."""
        item = argument.value
        if isinstance(item, syntax.Number | syntax.Splice):
            return self.number_or_list(item)
        return self.list(item) if isinstance(item, syntax.List) else self.piece(item)

    def layer(self, call: syntax.Call, name: str, first: list[syntax.Argument]) -> Piece:
        """A layer; with lists among its arguments and no unit around it, one for each number."""
        written, key = arguments.written(call, first), (call.span, self.action_dim)

        def build() -> Piece:
            self.step()
            if key not in self.literals:
                made = self.made(call, name, written)
                return self.literals.setdefault(key, made) if all(map(is_literal, written)) else made
            return self.literals[key]

        return build() if self.unit else self.written_out(call.span, build)

    def made(self, call: syntax.Call, name: str, written: Sequence[syntax.Argument]) -> Piece:
        self.step(len(written))
        values = [self.layer_argument(argument) for argument in written]
        made = arguments.make(name, call.name_span, values).arguments()
        if name == "gaussian" and not made and self.action_dim is not None:
            made = (("action_dim", self.action_dim),)
        # Without validation: `make` has checked the arguments, and this is where a large network spends its time.
        return Piece(ir.Layer.model_construct(name=name, arguments=made, span=call.span))

    def layer_argument(self, argument: syntax.Argument) -> arguments.Given:
        if not isinstance(argument.value, syntax.List):
            return arguments.given(argument, self.number_in_layer)
        value = self.element_of(argument.value)
        return arguments.Given(value, argument.value.span, argument.keyword, argument.keyword_span)


BUILDERS: dict[type, Callable[[Elaborator, Any], Piece]] = {
    syntax.Call: Elaborator.call,
    syntax.Group: Elaborator.group,
    syntax.Times: Elaborator.times,
    syntax.Stack: Elaborator.stack,
    syntax.Annotated: Elaborator.annotated,
    syntax.Number: Elaborator.no_network,
    syntax.Splice: Elaborator.no_network,
    syntax.List: Elaborator.no_network,
}


@lru_cache(maxsize=KEPT)
def literals_in(file: syntax.File) -> Literals:
    """The layers of a file that are the same wherever they are used and at every point of its grid, as far as they are made."""
    return {}


def is_literal(argument: syntax.Argument) -> bool:
    """Whether an argument says the same wherever it stands: no braces, no list."""
    item = argument.value
    bare = isinstance(item, syntax.Call) and item.glued is None and item.branches is None
    return bare or isinstance(item, syntax.Number)


def is_layer(name: str) -> bool:
    try:
        find_layer(name)
    except KeyError:
        return False
    return True


def present(value: Any) -> Any:
    """The value; where it is None its mistake was reported already."""
    if value is None:
        raise Wrong
    return value


def too_large(nodes: int, source: Source) -> Wrong:
    message = f"the networks of this file write out {nodes:,} nodes; at most {MAX_FILE_NODES:,} are possible"
    return wrong("E0209", message, source.span(0, 0), help="give each network a file of its own")


def no_network(span: Span, a_list: bool = False) -> Wrong:
    if a_list:
        help = "a list stands in the arguments of a layer: `<dense([512, 256]), ln>`"
        return wrong("E0205", "a list of numbers is not a network", span, help=help)
    help = "a number stands behind a layer's name (`dense256`), after `*`, or before `x`"
    return wrong("E0205", "a number is not a network", span, help=help)


def refuse_numbers_alone(sequence: syntax.Sequence) -> None:
    """`4, 8, 16` is neither a choice of numbers nor a list of them."""
    if len(sequence.items) > 1 and all(isinstance(item, syntax.Number | syntax.Splice) for item in sequence.items):
        texts = [item.span.text for item in sequence.items[:3]]
        help = f"a choice is `{' | '.join(texts)}`, a list is `[{', '.join(texts)}]`"
        raise wrong("E0205", "numbers in sequence are not a network", sequence.span, help=help)
