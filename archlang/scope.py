"""Names → values while a specification is elaborated: definitions, parameters, the chosen points of axes, lists.

A definition is elaborated once, when it is first used, and remembered. What is wrong is collected, and what holds it goes on
with a hole in its place, so that one mistake gives one message.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from archlang import pieces, syntax
from archlang.arguments import shape
from archlang.arithmetic import Number, evaluate
from archlang.diagnostics import MAX_SHOWN, Collector, Diagnostic, Replacement, did_you_mean, short
from archlang.layers import LAYERS
from archlang.limits import MAX_COUNT, MAX_NESTING, MAX_STEPS
from archlang.names import hint, suggestion
from archlang.pieces import Piece, too_deep
from archlang.source import Span
from archlang.wrong import Wrong, wrong

Numbers = tuple[Number, ...]
Value = Number | Numbers | Piece | None  # None: a mistake in it was reported


class Exhausted(Exception):
    """The specification writes out more than anyone could mean; the diagnostic says so."""


@dataclass
class Unit:
    """A `<…>` that is written out once for each number of the lists inside it."""

    index: int = 0
    length: int = 1
    first: Span | None = None  # the list that decided the length
    lists: dict[Span, Numbers] = field(default_factory=dict)  # those that are written in it


@dataclass
class Scope(ABC):
    """What is known while one item is looked at."""

    definitions: Mapping[str, syntax.Definition]
    broken: frozenset[str]  # names that were defined by something that could not be read
    incomplete: bool  # any name may have been
    choices: Mapping[Span, int]  # which alternative of an axis is chosen; others stand at their first
    collector: Collector = field(default_factory=Collector)
    known: dict[str, Value] = field(default_factory=dict)
    active: list[str] = field(default_factory=list)  # the definitions that are being looked at
    locals: Mapping[str, Value] = field(default_factory=dict)  # the parameters of the innermost
    unit: Unit | None = None  # the innermost unit of the innermost definition
    uses: list[Span] = field(default_factory=list)  # where definitions with parameters are used
    depth: int = 0  # how many items are around the one that is being looked at, through definitions
    steps: int = 0

    # --- mistakes -----------------------------------------------------------------------------------------------------

    def report(self, mistake: Wrong) -> None:
        """Collect mistakes, with the place that uses the definition with parameters in which they stand."""
        for found in mistake.diagnostics:
            if self.uses and found.span is not None and not self.uses[-1].holds(found.span):
                found = replace(found, secondary=(*found.secondary, (self.uses[-1], "used here")))
            self.collector.add(found)

    def attempt(self, function: Callable[[], Any]) -> Any:
        """The value, or None where it is wrong, which is reported."""
        try:
            return function()
        except Wrong as mistake:
            return self.report(mistake)

    def step(self, cost: int = 1) -> None:
        """Count the work, so that no text takes for ever."""
        self.steps += cost
        if self.steps > MAX_STEPS:
            raise Exhausted

    @contextmanager
    def inside(self, name: str, values: Mapping[str, Value], use: Span | None = None) -> Generator[None, None, None]:
        """The inside of a definition: its parameters, no unit, and where it is used if that can matter."""
        outer = self.locals, self.unit
        self.active.append(name)
        self.locals, self.unit = values, None
        self.uses += [use] if use else []
        try:
            yield
        finally:
            self.active.pop()
            self.locals, self.unit = outer
            del self.uses[len(self.uses) - bool(use) :]

    # --- names --------------------------------------------------------------------------------------------------------

    def knows(self, name: str) -> bool:
        return name in self.locals or name in self.definitions or name in self.broken

    def look_up(self, name: str, span: Span) -> Number | Numbers | Piece:
        """The value of a parameter or a definition where it is used. Raises `Wrong` where it has none."""
        if name in self.locals:
            return known(self.locals[name])
        if name in self.broken and name not in self.definitions:
            raise Wrong
        self.refuse_ring(name, span)
        if self.definitions[name].parameters:
            raise wrong("E0206", f"`{name}` needs arguments", span, help=f"it is `{shape(self.definitions[name])}`")
        return known(self.definition(name))

    def refuse_ring(self, name: str, span: Span) -> None:
        if name in self.active:
            ring = " → ".join([*self.active[self.active.index(name) :], name])
            help = "copies of a network are `4x unit`, a stack is `unit*4`"
            raise wrong("E0203", f"`{name}` refers to itself: {ring}", span, help=help)

    def definition(self, name: str) -> Value:
        """The value of a definition without parameters."""
        if name not in self.known:
            with self.inside(name, {}):
                self.known[name] = self.value(self.definitions[name].value)
        return self.known[name]

    def chosen(self, axis: syntax.Axis) -> syntax.Sequence:
        return axis.options[self.choices.get(axis.span, 0) if len(axis.options) > 1 else 0]

    def value(self, axis: syntax.Axis) -> Value:
        """What a definition stands for: a number, a list, or a piece of network."""
        sequence = self.chosen(axis)
        only = sequence.items[0] if len(sequence.items) == 1 else None
        if isinstance(only, syntax.Number | syntax.Splice):
            return self.attempt(lambda: self.number_or_list(only))
        if isinstance(only, syntax.List):
            return self.attempt(lambda: self.list(only))
        return self.sequence(sequence)

    @abstractmethod
    def sequence(self, sequence: syntax.Sequence) -> Piece:
        """A piece of network."""

    @abstractmethod
    def piece(self, item: syntax.Item) -> Piece:
        """One item of it."""

    def unknown(self, name: str, span: Span, candidates: Iterable[str], what: str, listed: Iterable[str]) -> Wrong:
        """A name that is not known, with the one that was probably meant, as long as someone will read it."""
        if self.incomplete or self.collector.has("E0201", span):
            return Wrong()
        read = len(self.collector.diagnostics) < MAX_SHOWN
        own = did_you_mean(name, [*self.locals, *self.definitions], cutoff=0.8) if read else None
        said = None if own else hint(name)
        meant = suggestion(name, candidates, self.numbered()) if read and not said else None
        edit = Replacement(span, meant[0], safe=meant[1] and not self.is_ours(meant[0], name)) if meant else None
        there_are = said or f"{what}: {', '.join(islice(listed, MAX_SHOWN)) or 'nothing'}"
        help = f"did you mean `{meant[0]}`?" if meant else there_are
        return Wrong(Diagnostic("E0201", f"unknown name `{short(name)}`", span, help=help, replacement=edit))

    def numbered(self) -> set[str]:
        """The names to which a number may be glued."""
        layers = {name for name, layer in LAYERS.items() if layer.parameters()}
        return layers | {name for name, definition in self.definitions.items() if definition.parameters}

    def is_ours(self, meant: str, name: str) -> bool:
        """Whether a name that was meant is one of the specification, which no other library knows."""
        return self.knows(meant) and meant.lower() != name.lower()

    # --- numbers ------------------------------------------------------------------------------------------------------

    def number(self, item: syntax.Number | syntax.Splice) -> Number:
        """One number."""
        return self.evaluate(item, self.variable)

    def number_in_layer(self, item: syntax.Number | syntax.Splice) -> Number:
        """One number; of a list, the one whose turn it is."""
        return self.evaluate(item, self.element)

    def evaluate(self, item: syntax.Number | syntax.Splice, lookup: Callable[[syntax.Variable], Number]) -> Number:
        self.step(1 + (item.span.end - item.span.start) // 2)
        return evaluate(item.value if isinstance(item, syntax.Splice) else item, lookup)

    def number_or_list(self, item: syntax.Number | syntax.Splice) -> Number | Numbers:
        """A number; or a list, where braces hold nothing but its name."""
        if isinstance(item, syntax.Splice) and isinstance(item.value, syntax.Variable):
            return self.numeric(item.value)
        return self.number(item)

    def list(self, item: syntax.List) -> Numbers:
        self.step(len(item.items))
        return tuple(self.number(number) for number in item.items)

    def variable(self, node: syntax.Variable) -> Number:
        """The number that a name in braces stands for."""
        value = self.numeric(node)
        if isinstance(value, tuple):
            help = "a list stands in the arguments of a layer: `dense{widths}`"
            raise wrong("E0205", f"`{node.name}` is a list; one number is needed here", node.span, help=help)
        return value

    def element(self, node: syntax.Variable) -> Number:
        """The number that a name stands for in a layer's arguments: of a list, the one whose turn it is."""
        value = self.numeric(node)
        return self.pick(value, node.span) if isinstance(value, tuple) else value

    def numeric(self, node: syntax.Variable) -> Number | Numbers:
        if not self.knows(node.name):
            known = [*self.locals, *self.definitions]
            raise self.unknown(node.name, node.span, known, "defined here", known)
        if node.name not in self.locals and node.name in self.definitions and self.definitions[node.name].parameters:
            help = "a number is a definition without parameters"
            raise wrong("E0205", f"`{node.name}` takes arguments; braces hold names of numbers", node.span, help=help)
        if self.depth > MAX_NESTING + 1:  # a layer at the deepest level may still have a name for its width
            raise too_deep(node.span)
        self.depth += 1
        try:
            value = self.look_up(node.name, node.span)
        finally:
            self.depth -= 1
        if isinstance(value, Piece):
            raise Wrong if value.wrong else wrong("E0205", f"`{node.name}` is a network, not a number", node.span)
        return value

    def element_of(self, item: syntax.List) -> Number:
        """As `element`, of a list that is written in the arguments of a layer."""
        lists = (self.unit or Unit()).lists
        if item.span not in lists:
            lists[item.span] = self.list(item)
        return self.pick(lists[item.span], item.span)

    def pick(self, numbers: Numbers, span: Span) -> Number:
        """The number of a list for the copy of the unit that is being written out. All lists in a unit are of one length."""
        unit = self.unit or Unit()
        if unit.first is None:
            unit.first, unit.length = span, len(numbers)
        if unit.length == len(numbers):
            return numbers[unit.index]
        counted = f"{len(numbers)} number{'s' if len(numbers) > 1 else ''}"
        message = f"this list has {counted}, another in the same unit has {unit.length}"
        raise Wrong(Diagnostic("E0212", message, span, secondary=((unit.first, f"{unit.length} numbers"),)))

    def written_out(self, span: Span, build: Callable[[], Piece]) -> Piece:
        """What `build` gives, once for each number of the lists inside it, in sequence."""
        outer, self.unit = self.unit, Unit()
        try:
            built = [build()]
            while self.unit.index + 1 < self.unit.length:
                self.unit.index += 1
                built.append(build())
        finally:
            self.unit = outer
        return pieces.sequence(built, span)

    def count(self, item: syntax.Number | syntax.Splice, what: str) -> int:
        value = self.number(item)
        if isinstance(value, int) and 1 <= value <= MAX_COUNT:
            return value
        help = "`id` is the network that does nothing" if value == 0 else None
        raise wrong("E0204", f"the count of {what} is a whole number from 1; got {value}", item.span, help=help)


def known(value: Value) -> Number | Numbers | Piece:
    if value is None:
        raise Wrong
    return value
