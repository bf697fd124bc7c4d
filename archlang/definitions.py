"""The definitions of a specification: which names are allowed, what refers to what, and which of them are networks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from archlang import syntax
from archlang.characters import without_comments
from archlang.diagnostics import Diagnostic
from archlang.names import COMBINATORS, RESERVED, ROLES, split_glued
from archlang.source import Span

Definitions = dict[str, syntax.Definition]


# --- names ------------------------------------------------------------------------------------------------------------


def unique(written: Iterable[syntax.Definition]) -> tuple[Definitions, list[Diagnostic]]:
    """The definitions of one file by name, and what is wrong with their names; the first of two counts."""
    definitions: Definitions = {}
    mistakes: list[Diagnostic] = []
    for definition in written:
        introduced = [syntax.Name(definition.name_span, definition.name), *definition.parameters]
        mistakes += [refuse_reserved(name) for name in introduced if name.text in RESERVED]
        mistakes += [role_with_parameters(definition)] if definition.name in ROLES and definition.parameters else []
        mistakes += twice(definition.parameters)
        first = definitions.setdefault(definition.name, definition)
        if first is not definition:
            mistakes.append(defined_twice(definition.name, definition.name_span, first.name_span))
    return definitions, mistakes


def twice(parameters: tuple[syntax.Name, ...]) -> list[Diagnostic]:
    first: dict[str, Span] = {}
    later = [name for name in parameters if first.setdefault(name.text, name.span) is not name.span]
    return [defined_twice(name.text, name.span, first[name.text]) for name in later]


def defined_twice(name: str, span: Span, first: Span) -> Diagnostic:
    return Diagnostic("E0202", f"`{name}` is defined twice", span, secondary=((first, "first defined here"),))


def refuse_reserved(name: syntax.Name) -> Diagnostic:
    return Diagnostic("E0210", f"`{name.text}` belongs to the language", name.span, help="choose another name")


def role_with_parameters(definition: syntax.Definition) -> Diagnostic:
    message = f"`{definition.name}` is a role of the runtime, which gives it no arguments"
    first, last = definition.parameters[0], definition.parameters[-1]
    return Diagnostic("E0210", message, first.span.to(last.span), help="choose another name, or leave the parameters away")


# --- what refers to what ----------------------------------------------------------------------------------------------


def is_number(definition: syntax.Definition) -> bool:
    """Whether a definition is a number or a list, as far as can be seen without looking at others."""
    return all(map(stands_for_number, definition.value.options))


def stands_for_number(option: syntax.Sequence) -> bool:
    return len(option.items) == 1 and isinstance(option.items[0], syntax.Number | syntax.Splice | syntax.List)


def references(node: syntax.Node, definitions: Mapping[str, syntax.Definition]) -> set[str]:
    """The definitions that a node refers to, whichever of its alternatives is chosen."""
    own = {name.text for name in node.parameters} if isinstance(node, syntax.Definition) else set()
    found: set[str] = set()
    todo = [node]
    while todo:
        node = todo.pop()
        if isinstance(node, syntax.Call | syntax.Variable) and node.name not in own:
            found |= {node.name if node.name in definitions else (split_glued(node.name) or ("",))[0]} & definitions.keys()
        todo += numbers_inside(node) if is_layer(node, definitions) else syntax.children(node)
    return found


def is_layer(node: syntax.Node, definitions: Mapping[str, syntax.Definition]) -> bool:
    """The words in a layer's brackets, `init=he`, are no names of definitions."""
    if not isinstance(node, syntax.Call) or node.name in definitions:
        return False
    return node.name not in COMBINATORS and (split_glued(node.name) or ("",))[0] not in definitions


def numbers_inside(call: syntax.Node) -> list[syntax.Node]:
    """The braces of a layer's call."""
    found: list[syntax.Node] = []
    todo = [call]
    while todo:
        node = todo.pop()
        found += [node] if isinstance(node, syntax.Splice) else []
        todo += () if isinstance(node, syntax.Splice) else syntax.children(node)
    return found


def idle_parameters(definition: syntax.Definition, definitions: Mapping[str, syntax.Definition]) -> list[syntax.Name]:
    """The parameters that a definition does not use."""
    names = {parameter.text: definition for parameter in definition.parameters}
    used = references(definition.value, {**definitions, **names})
    return [parameter for parameter in definition.parameters if parameter.text not in used]


def takes_actions(node: syntax.Node) -> bool:
    """Whether a node holds a `gaussian` without a width."""
    calls = [found for found in syntax.walk(node) if isinstance(found, syntax.Call) and found.name == "gaussian"]
    return any(call.glued is None and not any(call.branches or ()) for call in calls)


# --- of a file: remembered, because every point of a grid asks again ---------------------------------------------------

KEPT = 4  # files, or bindings of one


@lru_cache(maxsize=KEPT)
def references_in(file: syntax.File) -> Mapping[str, set[str]]:
    """What each definition refers to."""
    return {name: references(definition, file.by_name) for name, definition in file.by_name.items()}


@lru_cache(maxsize=KEPT)
def networks_in(file: syntax.File) -> tuple[str, ...]:
    """The names that stand for networks, if they stand for a piece of network: the roles, else those that no other uses."""
    roles = tuple(role for role in ROLES if role in file.by_name)
    used = {name for key, found in references_in(file).items() for name in found - {key}}
    alone = (name for name, d in file.by_name.items() if name not in used and not d.parameters and not is_number(d))
    return roles or tuple(alone)


@lru_cache(maxsize=KEPT)
def needed_in(file: syntax.File, names: tuple[str, ...]) -> frozenset[str]:
    """The definitions that the networks of these names need, themselves among them; or those of the file's one expression."""
    todo = list(names if file.expression is None else references(file.expression, file.by_name))
    found: set[str] = set()
    while todo:
        name = todo.pop()
        todo += [] if name in found else references_in(file)[name]
        found.add(name)
    return frozenset(found)


@lru_cache(maxsize=KEPT)
def axes_in(file: syntax.File) -> tuple[Axis, ...]:
    """The axes that the networks depend on, in the order of the text: `depth`; one in parentheses is `trunk.1`."""
    needed = needed_in(file, networks_in(file))
    values = [(name, found.value) for name, found in file.by_name.items() if name in needed]
    values += [("network", file.expression)] if file.expression else []
    return tuple(axis for name, value in values for axis in axes_inside(name, value))


# --- axes -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Axis:
    """A choice in a specification: its name, the alternatives as they are written, and where it stands."""

    name: str
    options: tuple[str, ...]
    span: Span


def axes_inside(name: str, value: syntax.Axis) -> list[Axis]:
    found = [node for node in syntax.walk(value) if isinstance(node, syntax.Axis) and len(node.options) > 1]
    inner = [axis for axis in found if axis is not value]
    names = [name] * (len(found) - len(inner)) + [f"{name}.{number}" for number in range(1, len(inner) + 1)]
    return [Axis(name, tuple(map(label, axis.options)), axis.span) for name, axis in zip(names, found, strict=True)]


def label(option: syntax.Sequence) -> str:
    """An alternative as people read it: on one line."""
    return " ".join(without_comments(option.span.text).split())
