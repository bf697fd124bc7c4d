"""The arguments of a call → the values of a layer's fields, each checked against its kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from archlang import syntax
from archlang.arithmetic import Lookup, evaluate
from archlang.diagnostics import Diagnostic, Replacement, did_you_mean
from archlang.layers import LAYERS, LayerType, Parameter, Value
from archlang.layers.kinds import Whole
from archlang.source import Span
from archlang.wrong import Wrong, wrong

WORDS = {"true": True, "false": False}


JOINS = ("sum", "concat")


@dataclass(frozen=True)
class Given:
    """An argument as written: its value, where it stands, and its keyword if it has one."""

    value: Value
    span: Span
    keyword: str | None = None
    keyword_span: Span | None = None


def given(argument: syntax.Argument, lookup: Lookup) -> Given:
    """Read one argument. Raises `Wrong` where it is no value."""
    value = read_value(argument.value, lookup)
    return Given(value, argument.value.span, argument.keyword, argument.keyword_span)


def read_value(item: syntax.Item, lookup: Lookup) -> Value:
    if isinstance(item, syntax.Number):
        return evaluate(item, lookup)
    if isinstance(item, syntax.Splice):
        return evaluate(item.value, lookup)
    if isinstance(item, syntax.Call) and item.glued is None and item.branches is None:
        return WORDS.get(item.name, item.name)
    raise wrong("E0206", "an argument is a number, a name, true or false", item.span)


def read_join(argument: syntax.Argument) -> Literal["sum", "concat"]:
    """The value of `join=`."""
    word = argument.value.span.text
    if word in JOINS:
        return word
    similar = did_you_mean(word, JOINS)
    help = f"did you mean `{similar}`?" if similar else None
    raise wrong("E0206", f"`join` is sum or concat; got {word}", argument.value.span, help=help)


def make(name: str, name_span: Span, arguments: Sequence[Given]) -> LayerType:
    """The layer `name` with these arguments. Raises `Wrong` with the argument that does not fit."""
    layer = LAYERS[name]
    parameters = layer.parameters()
    values: dict[str, Value] = {}
    for position, argument in enumerate(arguments):
        refuse_order(arguments[:position], argument)
        parameter = find(name, parameters, position, argument)
        refuse_twice(name, values, parameter, argument)
        refuse_misfit(name, parameter, argument)
        values[parameter.name] = argument.value
    refuse_missing(name, name_span, parameters, values)
    return layer(**values)


def find(name: str, parameters: Sequence[Parameter], position: int, argument: Given) -> Parameter:
    if argument.keyword is not None:
        return find_keyword(name, parameters, argument)
    if position < len(parameters):
        return parameters[position]
    takes = f"at most {len(parameters)} argument{'s' if len(parameters) > 1 else ''}" if parameters else "no arguments"
    message = f"`{name}` takes {takes}"
    raise wrong("E0206", message, argument.span, help=f"write `{usage(name, parameters)}`")


def find_keyword(name: str, parameters: Sequence[Parameter], argument: Given) -> Parameter:
    known = {parameter.name: parameter for parameter in parameters}
    if argument.keyword in known:
        return known[argument.keyword]
    span, similar = argument.keyword_span, did_you_mean(argument.keyword or "", known)
    offer = f"did you mean `{similar}`?" if similar else f"write `{usage(name, parameters)}`"
    edit = Replacement(span, similar) if span and similar else None
    message = f"`{name}` takes no argument `{argument.keyword}`"
    raise Wrong(Diagnostic("E0206", message, span, help=offer, replacement=edit))


def refuse_order(before: Sequence[Given], argument: Given) -> None:
    if argument.keyword is None and any(other.keyword for other in before):
        raise wrong("E0206", "arguments with a keyword come last", argument.span)


def refuse_twice(name: str, values: dict[str, Value], parameter: Parameter, argument: Given) -> None:
    if parameter.name in values:
        raise wrong("E0206", f"`{parameter.name}` of `{name}` is given twice", argument.span)


def refuse_misfit(name: str, parameter: Parameter, argument: Given) -> None:
    if parameter.kind.accepts(argument.value):
        return
    number = isinstance(argument.value, int | float) and not isinstance(argument.value, bool)
    shown = str(argument.value).lower() if isinstance(argument.value, bool) else str(argument.value)
    message = f"`{parameter.name}` of `{name}` is {parameter.kind.expected}; got {shown}"
    code = "E0204" if number else "E0206"
    raise wrong(code, message, argument.span, help=misfit_help(parameter, argument))


def misfit_help(parameter: Parameter, argument: Given) -> str | None:
    options = getattr(parameter.kind, "options", ())
    if not isinstance(argument.value, str):
        return None
    if similar := did_you_mean(argument.value, options):
        return f"did you mean `{similar}`?"
    braces = "a number is written out, or named in braces: `dense{width}`"
    return braces if isinstance(parameter.kind, Whole) else None


def refuse_missing(name: str, span: Span, parameters: Sequence[Parameter], values: dict[str, Value]) -> None:
    missing = next((p for p in parameters if p.required and p.name not in values), None)
    if missing is None:
        return
    message = f"`{name}` needs `{missing.name}`: {missing.kind.expected}"
    raise wrong("E0206", message, span, help=f"for instance `{name}256`")


def usage(name: str, parameters: Sequence[Parameter]) -> str:
    """How a layer is written: `dense(features, bias=true, init=lecun_uniform)`."""
    if not parameters:
        return name
    shown = [p.name if p.required else f"{p.name}={written(p.default)}" for p in parameters]
    return f"{name}({', '.join(shown)})"


def written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else "…" if value is None else str(value)
