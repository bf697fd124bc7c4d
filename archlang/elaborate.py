"""Surface tree → IR: names, macros, numbers. Types are not looked at here.

A definition is elaborated once, when it is first used, and remembered; a use refers to the same IR with a span of its own.
What is wrong is collected, and the piece that holds it becomes None, so that one mistake gives one message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from archlang import arguments, ir, pieces, syntax
from archlang.annotate import annotate, refuse_unknown
from archlang.arithmetic import Number, evaluate
from archlang.diagnostics import MAX_SHOWN, Collector, Diagnostic, Replacement, did_you_mean
from archlang.layers import LAYERS
from archlang.limits import MAX_COUNT, MAX_FILE_NODES, MAX_NESTING
from archlang.names import COMBINATORS, PLANNED, RESERVED, ROLES, split_glued, suggestion
from archlang.pieces import Piece, too_deep
from archlang.source import Source, Span
from archlang.wrong import Wrong, wrong

Value = Number | Piece | None  # None: a mistake in it was reported


def elaborate(
    file: syntax.File, overrides: Iterable[syntax.Definition] = (), action_dim: int | None = None
) -> dict[str, ir.Expression]:
    """The bodies of a file's networks: its roles; without roles, the definitions that no other uses; or its one expression.

    `overrides` replace definitions of the same name; `action_dim` is the width of a bare `gaussian`.
    Raises `SpecError` with every mistake that was found.
    """
    elaborator = Elaborator(action_dim)
    elaborator.define(file.definitions, tuple(overrides))
    networks = elaborator.networks(file)
    elaborator.collector.raise_if_any()
    return networks


@dataclass
class Elaborator:
    """The state of one elaboration: definitions, what is known of them, what is being looked at, and what was used."""

    action_dim: int | None
    collector: Collector = field(default_factory=Collector)
    definitions: dict[str, syntax.Definition] = field(default_factory=dict)
    known: dict[str, Value] = field(default_factory=dict)
    active: list[str] = field(default_factory=list)  # the definitions that are being looked at
    depth: int = 0  # how many items are around the one that is being looked at, through definitions
    used: set[str] = field(default_factory=set)

    def report(self, mistake: Wrong) -> None:
        if mistake.diagnostic is not None:
            self.collector.add(mistake.diagnostic)

    def attempt(self, function: Callable[[], Any]) -> Any:
        """The value, or None where it is wrong, which is reported."""
        try:
            return function()
        except Wrong as mistake:
            return self.report(mistake)

    # --- definitions --------------------------------------------------------------------------------------------------

    def define(self, written: tuple[syntax.Definition, ...], overrides: tuple[syntax.Definition, ...]) -> None:
        for definition in written:
            self.refuse_name(definition)
            self.definitions.setdefault(definition.name, definition)
        for override in overrides:
            if override.name not in self.definitions:
                self.report(self.unknown_override(override))
            self.definitions[override.name] = override

    def refuse_name(self, definition: syntax.Definition) -> None:
        name, span = definition.name, definition.name_span
        if name in RESERVED:
            self.report(wrong("E0210", f"`{name}` belongs to the language", span, help="choose another name"))
        elif name in self.definitions:
            first = ((self.definitions[name].name_span, "first defined here"),)
            self.collector.add(Diagnostic("E0202", f"`{name}` is defined twice", span, secondary=first))

    def unknown_override(self, override: syntax.Definition) -> Wrong:
        similar = did_you_mean(override.name, self.definitions)
        listed = f"it defines {', '.join(self.definitions)}" if self.definitions else "it has no definitions"
        help = f"did you mean `{similar}`?" if similar else listed
        return wrong("E0201", f"the specification does not define `{override.name}`", override.name_span, help=help)

    def networks(self, file: syntax.File) -> dict[str, ir.Expression]:
        values = {name: self.definition(name) for name in self.definitions}
        if file.expression is not None:
            values = {"network": self.value(file.expression)}
        chosen = {name: values[name] for name in self.network_names(file, values)}
        spans = {name: definition.value.span for name, definition in self.definitions.items()}
        for name, value in chosen.items():
            if is_number(value):
                self.report(no_network(spans.get(name, file.span)))
        if not chosen and not self.collector.diagnostics:
            self.report(wrong("E0405", "the specification defines no network", file.source.span(0, 0)))
        found = {name: value for name, value in chosen.items() if isinstance(value, Piece)}
        self.attempt(lambda: refuse_size(sum(piece.size for piece in found.values()), file.source))
        return {name: piece.node for name, piece in found.items()}

    def network_names(self, file: syntax.File, values: Mapping[str, Value]) -> list[str]:
        if file.expression is not None:
            return list(values)
        roles = [role for role in ROLES if role in values]
        return roles or [name for name, value in values.items() if name not in self.used and not is_number(value)]

    def definition(self, name: str) -> Value:
        if name not in self.known:
            self.active.append(name)
            self.known[name] = self.value(self.definitions[name].value)
            self.active.pop()
        return self.known[name]

    def look_up(self, name: str, span: Span) -> Number | Piece:
        """The value of a definition where it is used."""
        self.used.add(name)
        if name in self.active:
            ring = " → ".join([*self.active[self.active.index(name) :], name])
            raise wrong("E0203", f"`{name}` refers to itself: {ring}", span)
        value = self.definition(name)
        if value is None:
            raise Wrong
        return value

    def value(self, sequence: syntax.Sequence) -> Value:
        """What a definition stands for: a number, or a piece of network."""
        only = sequence.items[0] if len(sequence.items) == 1 else None
        if isinstance(only, syntax.Number | syntax.Splice):
            return self.attempt(lambda: self.number(only))
        return self.attempt(lambda: self.sequence(sequence))

    # --- numbers ------------------------------------------------------------------------------------------------------

    def number(self, item: syntax.Number | syntax.Splice) -> Number:
        return evaluate(item.value if isinstance(item, syntax.Splice) else item, self.variable)

    def variable(self, node: syntax.Variable) -> Number:
        """The number that a name in braces stands for."""
        if node.name not in self.definitions:
            raise self.unknown(node.name, node.span, self.definitions, "defined here", self.definitions)
        if self.depth > MAX_NESTING + 1:  # a layer at the deepest level may still have a name for its width
            raise too_deep(node.span)
        self.depth += 1
        try:
            value = self.look_up(node.name, node.span)
        finally:
            self.depth -= 1
        if isinstance(value, Piece):
            raise wrong("E0205", f"`{node.name}` is a network, not a number", node.span)
        return value

    def count(self, item: syntax.Number | syntax.Splice, what: str) -> int:
        value = self.number(item)
        if isinstance(value, int) and 1 <= value <= MAX_COUNT:
            return value
        help = "`id` is the network that does nothing" if value == 0 else None
        raise wrong("E0204", f"the count of {what} is a whole number from 1; got {value}", item.span, help=help)

    def unknown(self, name: str, span: Span, known: Iterable[str], what: str, listed: Iterable[str]) -> Wrong:
        """A name that is not known, with the one that was probably meant, as long as someone will read it."""
        there_are = f"{what}: {', '.join(islice(listed, MAX_SHOWN)) or 'nothing'}"
        if name in PLANNED:
            return wrong("E0201", f"`{name}` is not part of this version", span, help=there_are)
        meant = suggestion(name, known) if len(self.collector.diagnostics) < MAX_SHOWN else None
        edit = Replacement(span, meant) if meant else None
        help = f"did you mean `{meant}`?" if meant else there_are
        shown = name if len(name) <= 40 else f"{name[:37]}…"
        return Wrong(Diagnostic("E0201", f"unknown name `{shown}`", span, help=help, replacement=edit))

    # --- pieces of network --------------------------------------------------------------------------------------------

    def piece(self, item: syntax.Item) -> Piece:
        if self.depth > MAX_NESTING:
            raise too_deep(item.span)
        self.depth += 1
        try:
            return BUILDERS[type(item)](self, item)
        finally:
            self.depth -= 1

    def every(self, *functions: Callable[[], Any]) -> list[Any]:
        """All the values; every function is called, so that every mistake is found. Raises `Wrong` if one is wrong."""
        values = [self.attempt(function) for function in functions]
        if None in values:
            raise Wrong
        return values

    def sequence(self, sequence: syntax.Sequence) -> Piece:
        found = self.every(*(lambda item=item: self.piece(item) for item in sequence.items))
        return pieces.sequence(found, sequence.span)

    def group(self, group: syntax.Group) -> Piece:
        return pieces.inside(self.sequence(group.body), group.span)

    def times(self, times: syntax.Times) -> Piece:
        count, body = self.every(lambda: self.count(times.count, "copies"), lambda: self.piece(times.body))
        return pieces.times(body, count, times.span)

    def stack(self, stack: syntax.Stack) -> Piece:
        count, body = self.every(lambda: self.count(stack.count, "a stack"), lambda: self.piece(stack.body))
        return pieces.stack(body, count, stack.span)

    def annotated(self, item: syntax.Annotated) -> Piece:
        def given() -> list[arguments.Given]:
            refuse_unknown(item)
            return [arguments.given(a, self.variable) for branch in item.arguments for a in branch]

        values, body = self.every(given, lambda: self.piece(item.body))
        return annotate(item, values, body)

    def no_network(self, item: syntax.Number | syntax.Splice) -> Piece:
        self.number(item)
        raise no_network(item.span)

    # --- calls --------------------------------------------------------------------------------------------------------

    def call(self, call: syntax.Call) -> Piece:
        """A definition, a combinator or a layer; an exact name wins over a glued number."""
        if call.name in self.definitions and call.name not in RESERVED:
            return self.reference(call)
        if call.name in COMBINATORS:
            return self.combinator(call)
        if call.name in LAYERS:
            return self.layer(call, call.name, [])
        return self.glued_layer(call)

    def reference(self, call: syntax.Call) -> Piece:
        if call.glued is not None or call.branches is not None:
            raise wrong("E0206", f"`{call.name}` is a definition without parameters", call.span)
        value = self.look_up(call.name, call.name_span)
        if isinstance(value, Piece):
            return pieces.inside(value, call.span)
        help = f"a number goes in braces: `{{{call.name}}}`"
        raise wrong("E0205", f"`{call.name}` is a number, not a network", call.span, help=help)

    def combinator(self, call: syntax.Call) -> Piece:
        if call.glued is not None or call.branches is None:
            raise wrong("E0206", f"`{call.name}` needs brackets", call.span, help=COMBINATOR_USAGE[call.name])
        return self.residual(call, call.branches) if call.name == "res" else self.parallel(call, call.branches)

    def residual(self, call: syntax.Call, branches: tuple[tuple[syntax.Argument, ...], ...]) -> Piece:
        body, *others = branches
        if others:
            raise wrong("E0206", "`res` has one body; `;` parts the branches of `par`", call.span)
        return pieces.residual(self.branch("res", body), call.span)

    def parallel(self, call: syntax.Call, branches: tuple[tuple[syntax.Argument, ...], ...]) -> Piece:
        *others, last = branches
        *body, final = last
        named = body and final.keyword == "join"
        if final.keyword == "join" and not named and others:
            raise wrong("E0206", "a `,` stands before `join`, not a `;`", final.keyword_span)
        bodies = (*others, tuple(body) if named else last)
        found = self.every(*(lambda body=body: self.branch("par", body) for body in bodies))
        return pieces.parallel(found, arguments.read_join(final) if named else "sum", call.span)

    def branch(self, name: str, items: tuple[syntax.Argument, ...]) -> Piece:
        keyword = next((item for item in items if item.keyword is not None), None)
        if keyword is not None:
            message = f"`{name}` takes no argument `{keyword.keyword}` here"
            raise wrong("E0206", message, keyword.keyword_span, help=COMBINATOR_USAGE[name])
        span = items[0].span.to(items[-1].span)
        return self.sequence(syntax.Sequence(span, tuple(item.value for item in items)))

    # --- layers -------------------------------------------------------------------------------------------------------

    def glued_layer(self, call: syntax.Call) -> Piece:
        parts = split_glued(call.name)
        if parts is None or parts[0] not in LAYERS or call.glued is not None:
            known = [*self.definitions, *LAYERS, *COMBINATORS]
            raise self.unknown(call.name, call.name_span, known, "layers", LAYERS)
        name, digits = parts
        start = call.name_span.start + len(name)
        span = Span(call.span.source, start, start + len(digits))
        return self.layer(call, name, [syntax.Argument(span, syntax.Number(span, digits))])

    def layer(self, call: syntax.Call, name: str, first: list[syntax.Argument]) -> Piece:
        if call.glued is not None:
            first = [syntax.Argument(call.glued.span, call.glued)]
        if call.branches is not None and len(call.branches) > 1:
            raise wrong("E0206", f"`{name}` has no branches; `;` belongs to `par`", call.span)
        written = [*first, *(call.branches[0] if call.branches else ())]
        values = [arguments.given(argument, self.variable) for argument in written]
        made = arguments.make(name, call.name_span, values).arguments()
        if name == "gaussian" and not made and self.action_dim is not None:
            made = (("action_dim", self.action_dim),)
        return Piece(ir.Layer(name=name, arguments=made, span=call.span))


COMBINATOR_USAGE = {"res": "`res(body)`", "par": "`par(a; b)` sums, `par(a; b, join=concat)` concatenates"}
BUILDERS: dict[type, Callable[[Elaborator, Any], Piece]] = {
    syntax.Call: Elaborator.call,
    syntax.Group: Elaborator.group,
    syntax.Times: Elaborator.times,
    syntax.Stack: Elaborator.stack,
    syntax.Annotated: Elaborator.annotated,
    syntax.Number: Elaborator.no_network,
    syntax.Splice: Elaborator.no_network,
}


def is_number(value: Value) -> bool:
    return isinstance(value, int | float)


def refuse_size(nodes: int, source: Source) -> None:
    if nodes > MAX_FILE_NODES:
        message = f"the networks of this file write out {nodes:,} nodes; at most {MAX_FILE_NODES:,} are possible"
        raise wrong("E0209", message, source.span(0, 0), help="give each network a file of its own")


def no_network(span: Span) -> Wrong:
    help = "a number stands behind a layer's name (`dense256`), after `*`, or before `x`"
    return wrong("E0205", "a number is not a network", span, help=help)
