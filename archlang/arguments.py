"""The arguments of a call → the values of a layer's fields, each checked against its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from archlang import arithmetic, syntax
from archlang.characters import look_alike, without_comments
from archlang.diagnostics import MAX_SHOWN, Diagnostic, Replacement, short
from archlang.layers import LAYERS, LayerType, Parameter, Value, find_layer
from archlang.layers.kinds import Flag, Kind, Number, Whole, split_gain
from archlang.names import RESERVED, hint, suggestion
from archlang.source import Span
from archlang.wrong import Wrong, wrong

WORDS = {"true": True, "false": False}
Evaluate = Callable[[syntax.Number | syntax.Splice], arithmetic.Number]


@dataclass(frozen=True)
class Given:
    """An argument as written: its value, where it stands, and its keyword if it has one."""

    value: Value
    span: Span
    keyword: str | None = None
    keyword_span: Span | None = None


A = TypeVar("A", Given, syntax.Argument)


def each(arguments: Sequence[A], look: Callable[[int, A], object]) -> None:
    """Look at every argument of a call. Raises `Wrong` with all that is wrong with them, as far as anyone reads it."""
    mistakes: list[Diagnostic] = []
    named = False
    for position, argument in enumerate(arguments):
        try:
            refuse_order(argument, named)
            look(position, argument)
        except Wrong as mistake:
            mistakes += mistake.diagnostics
        named |= argument.keyword is not None
        if len(mistakes) >= MAX_SHOWN:
            break
    if mistakes:
        raise Wrong(*mistakes)


def refuse_order(argument: Given | syntax.Argument, named: bool) -> None:
    if named and argument.keyword is None:
        raise wrong("E0206", "arguments with a keyword come last", argument.span)


def given(argument: syntax.Argument, evaluate: Evaluate) -> Given:
    """Read one argument. Raises `Wrong` where it is no value."""
    value = read_value(argument.value, evaluate)
    return Given(value, argument.value.span, argument.keyword, argument.keyword_span)


def read_value(item: syntax.Item, evaluate: Evaluate) -> Value:
    if isinstance(item, syntax.Number | syntax.Splice):
        return evaluate(item)
    if isinstance(item, syntax.Call) and item.glued is None and item.branches is None:
        return WORDS.get(item.name, item.name)
    if isinstance(item, syntax.Call) and (gain := only_number(item)):
        return f"{item.name}({float(evaluate(gain))!r})"
    gain = "a gain is one number: `init=orthogonal(1.4)`" if isinstance(item, syntax.Call) else None
    raise wrong("E0206", "an argument is a number, a name, true or false", item.span, help=gain)


def only_number(call: syntax.Call) -> syntax.Number | syntax.Splice | None:
    """The number in `orthogonal(1.4)`."""
    match call.branches:
        case ((syntax.Argument(value=syntax.Number() | syntax.Splice() as number, keyword=None),),):
            return number
    return None


def read_choice(name: str, argument: syntax.Argument, options: tuple[str, ...]) -> str:
    """The value of a keyword that takes one of a few words."""
    item = argument.value
    word = item.name if isinstance(item, syntax.Call) else item.span.text
    if word in options and isinstance(item, syntax.Call) and item.glued is None and item.branches is None:
        return word
    meant = suggestion(word, options)
    help = f"did you mean `{meant[0]}`?" if meant else None
    edit = Replacement(item.span, meant[0], safe=meant[1] and word not in options) if meant else None
    message = f"`{name}` is {' or '.join(options)}; got {on_one_line(item.span)}"
    raise Wrong(Diagnostic("E0206", message, item.span, help=help, replacement=edit))


def on_one_line(span: Span) -> str:
    """What stands in a place, as a message shows it."""
    return short(" ".join(span.text.split()))


# --- calls of definitions ---------------------------------------------------------------------------------------------


def written(call: syntax.Call, first: Sequence[syntax.Argument]) -> list[syntax.Argument]:
    """The arguments of a call: those glued to its name, and those in its brackets."""
    if call.branches is not None and len(call.branches) > 1:
        raise comma(call.branches, f"`{call.name}` has no branches; `;` belongs to `par`", call.branches[1][0].span)
    glued = [syntax.Argument(call.glued.span, call.glued)] if call.glued else []
    return [*first, *glued, *(call.branches[0] if call.branches else ())]


def comma(branches: Sequence[Sequence[syntax.Argument]], message: str, span: Span | None) -> Wrong:
    """A `;` before the last branch where a `,` should stand."""
    before, after = branches[-2][-1].span, branches[-1][0].span
    between = without_comments(before.source.text[before.end : after.start])
    at = next((before.end + index for index, character in enumerate(between) if look_alike(character) == ";"), None)
    edit = None if at is None else Replacement(before.source.span(at, at + 1), ",")
    return Wrong(Diagnostic("E0206", message, span, help="write `,` in the place of `;`", replacement=edit))


def places(definition: syntax.Definition, given: Sequence[syntax.Argument], call: syntax.Call) -> dict[str, syntax.Argument]:
    """Which argument stands for which parameter of a definition. Raises `Wrong` with every argument that does not fit."""
    names = [parameter.text for parameter in definition.parameters]
    if len(set(names)) < len(names):
        raise Wrong  # reported where it is defined
    found: dict[str, syntax.Argument] = {}

    def place(position: int, argument: syntax.Argument) -> None:
        refuse_unknown(definition, names, position, given)
        name = argument.keyword or names[position]
        if name in found:
            raise given_twice(definition.name, name, argument)
        found[name] = argument

    each(given, place)
    refuse_unfilled(definition, [name for name in names if name not in found], call)
    return found


def refuse_unknown(
    definition: syntax.Definition, names: Sequence[str], position: int, given: Sequence[syntax.Argument]
) -> None:
    argument, help = given[position], f"it is `{shape(definition)}`"
    if argument.keyword is not None and argument.keyword not in names:
        raise unknown_keyword(definition.name, argument.keyword, argument.keyword_span, free(names, given), help)
    if argument.keyword is None and position >= len(names):
        count = f"{len(names)} argument{'s' if len(names) > 1 else ''}"
        raise wrong("E0206", f"`{definition.name}` takes {count}", argument.span, help=help)


def free(names: Sequence[str], given: Sequence[syntax.Argument | Given]) -> list[str]:
    """The parameters for which nothing is given."""
    positional = sum(argument.keyword is None for argument in given)
    keywords = {argument.keyword for argument in given}
    return [name for name in names[positional:] if name not in keywords]


def refuse_unfilled(definition: syntax.Definition, missing: Sequence[str], call: syntax.Call) -> None:
    if missing:
        shown = " and ".join(f"`{name}`" for name in missing[:MAX_SHOWN])
        raise wrong("E0206", f"`{definition.name}` needs {shown}", call.span, help=f"it is `{shape(definition)}`")


def shape(definition: syntax.Definition) -> str:
    """How a definition with parameters is used: `unit(w)`."""
    names = [parameter.text for parameter in definition.parameters]
    return f"{definition.name}({', '.join([*names[:MAX_SHOWN], *(['…'] if len(names) > MAX_SHOWN else [])])})"


def given_twice(owner: str, name: str, argument: syntax.Argument | Given) -> Wrong:
    return wrong("E0206", f"`{name}` of `{owner}` is given twice", argument.keyword_span or argument.span)


def unknown_keyword(owner: str, keyword: str, span: Span | None, known: Iterable[str], usage: str) -> Wrong:
    """A keyword that a layer, a combinator or a definition does not take."""
    known = list(known)
    only = (known[0], False) if len(known) == 1 and owner not in RESERVED else None
    meant = suggestion(keyword, known) or only
    said = hint(keyword) if owner in RESERVED else None  # not where words are the user's own
    if said and not (meant and meant[1]):
        meant = None
    edit = Replacement(span, meant[0], safe=meant[1]) if meant and span else None
    help = f"did you mean `{meant[0]}`?" if meant else said or usage
    return Wrong(Diagnostic("E0206", f"`{owner}` takes no argument `{short(keyword)}`", span, help=help, replacement=edit))


def with_notes(mistake: Wrong, notes: Sequence[str]) -> Wrong:
    """The same mistake with notes, such as why a plug-in could not be loaded."""
    if not notes:
        return mistake
    return Wrong(*(replace(found, notes=(*found.notes, *notes)) for found in mistake.diagnostics))


# --- calls of layers --------------------------------------------------------------------------------------------------


def make(name: str, name_span: Span, arguments: Sequence[Given]) -> LayerType:
    """The layer `name` with these arguments. Raises `Wrong` with every argument that does not fit."""
    layer = find_layer(name)
    parameters = layer.parameters()
    values: dict[str, Value] = {}

    def place(position: int, argument: Given) -> None:
        parameter = find(name, parameters, position, arguments)
        refuse_twice(name, values, parameter, argument)
        refuse_misfit(name, parameter, argument)
        values[parameter.name] = parameter.kind.canonical(argument.value)

    each(arguments, place)
    refuse_missing(name, name_span, parameters, values)
    return layer(**values)


def find(name: str, parameters: Sequence[Parameter], position: int, given: Sequence[Given]) -> Parameter:
    argument = given[position]
    if argument.keyword is not None:
        return find_keyword(name, parameters, argument, given)
    if position < len(parameters):
        return parameters[position]
    takes = f"at most {len(parameters)} argument{'s' if len(parameters) > 1 else ''}" if parameters else "no arguments"
    message = f"`{name}` takes {takes}"
    raise wrong("E0206", message, argument.span, help=f"write `{usage(name, parameters)}`")


def find_keyword(name: str, parameters: Sequence[Parameter], argument: Given, given: Sequence[Given]) -> Parameter:
    known = {parameter.name: parameter for parameter in parameters}
    if argument.keyword in known:
        return known[argument.keyword]
    help = f"write `{usage(name, parameters)}`"
    raise unknown_keyword(name, argument.keyword or "", argument.keyword_span, free(list(known), given), help)


def refuse_twice(name: str, values: dict[str, Value], parameter: Parameter, argument: Given) -> None:
    if parameter.name in values:
        raise given_twice(name, parameter.name, argument)


def refuse_misfit(name: str, parameter: Parameter, argument: Given) -> None:
    if parameter.kind.accepts(argument.value):
        return
    number = isinstance(argument.value, int | float) and not isinstance(argument.value, bool)
    shown = on_one_line(argument.span) if isinstance(argument.value, str | bool) else str(argument.value)
    message = f"`{parameter.name}` of `{name}` is {parameter.kind.expected}; got {shown}"
    code = "E0204" if number else "E0206"
    help, edit = mend(parameter.kind, argument) or (None, None)
    parameters = find_layer(name).parameters()
    if help is None and argument.keyword is None and parameter is not parameters[0]:
        inferred = isinstance(parameter.kind, Flag) and parameters[0].kind.accepts(argument.value)
        width = f"what comes in has a known width: write `{name}{argument.value}`"
        help = width if inferred else f"write `{usage(name, parameters)}`"
    raise Wrong(Diagnostic(code, message, argument.span, help=help, replacement=edit))


Mended = tuple[str, Replacement | None]


def mend(kind: Kind, argument: Given) -> Mended | None:
    """What was probably meant by a value that does not fit."""
    value = argument.value
    if isinstance(value, str):
        return mend_word(kind, value, argument.span)
    if isinstance(kind, Whole) and isinstance(value, float) and value.is_integer() and kind.accepts(int(value)):
        return f"write `{int(value)}`", Replacement(argument.span, str(int(value)), safe=argument.span.text[0].isdigit())
    return None


def mend_word(kind: Kind, word: str, span: Span) -> Mended | None:
    options = (*getattr(kind, "options", ()), *(WORDS if isinstance(kind, Flag) else ()))
    name, gain = split_gain(word)
    if gain is not None and name in options:
        return (
            ("a gain is a number above 0", None)
            if name in getattr(kind, "gains", ())
            else (f"`{name}` takes no gain", Replacement(span, name))
        )
    if meant := suggestion(word, options):
        return f"did you mean `{meant[0]}`?", Replacement(span, meant[0], safe=meant[1])
    if isinstance(kind, Whole | Number) and word.isidentifier():
        return f"a number that has a name goes in braces: `{{{word}}}`", Replacement(span, f"{{{word}}}")
    layer = suggestion(word, LAYERS)
    return (f"a layer stands behind this one: `dense256, {layer[0]}`", None) if layer and layer[1] else None


def refuse_missing(name: str, span: Span, parameters: Sequence[Parameter], values: dict[str, Value]) -> None:
    missing = next((p for p in parameters if p.required and p.name not in values), None)
    if missing is None:
        return
    message = f"`{name}` needs `{missing.name}`: {missing.kind.expected}"
    raise wrong("E0206", message, span, help=f"for instance `{name}{256 if isinstance(missing.kind, Whole) else 0.1}`")


def usage(name: str, parameters: Sequence[Parameter]) -> str:
    """How a layer is written: `dense(features, bias=true, init=lecun_uniform)`."""
    if not parameters:
        return name
    shown = [p.name if p.required else f"{p.name}={default(p.default)}" for p in parameters]
    return f"{name}({', '.join(shown)})"


def default(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else "…" if value is None else str(value)
