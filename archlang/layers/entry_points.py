"""Layers of other packages: the entry-point group `archlang.layers`, each a subclass of `LayerType`.

    [project.entry-points."archlang.layers"]
    star = "their_package.layers:Star"

A plug-in that cannot be used is a text that says whose it is and why, never an exception: it breaks only what uses it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import Field, dataclass
from types import MappingProxyType
from typing import Any

from archlang.layers.base import LayerType, Refused
from archlang.layers.saved import Saved
from archlang.types import Type

GROUP = "archlang.layers"


@dataclass(frozen=True)
class Plugins:
    """What other packages add: the layers by name, and for each that cannot be used a text with the reason."""

    layers: Mapping[str, type[LayerType]]
    problems: tuple[str, ...] = ()


class Unusable(Exception):
    """Why a plug-in cannot be used."""


def load_plugins(built_in: Mapping[str, type[LayerType]], words: Collection[str]) -> Plugins:
    """Load every entry point of the group, in the order of their packages' names. `words` are no names for a layer."""
    from importlib.metadata import entry_points  # here, because it takes long to import and few need it

    layers: dict[str, type[LayerType]] = {}
    problems: list[str] = []
    for entry in sorted(entry_points(group=GROUP), key=owner):
        try:
            layer = usable(load(entry), {**built_in, **layers}, words)
            layers[layer.name] = layer
        except Unusable as why:
            problems.append(f"{owner(entry)}: {why}")
    return Plugins(MappingProxyType(layers), tuple(problems))


def owner(entry: Any) -> str:
    package = entry.dist.name if entry.dist is not None else "an unknown package"
    return f"plug-in `{entry.name} = {entry.value}` of {package}"


def load(entry: Any) -> Any:
    """What the entry point names. Anything may go wrong in another's module, and none of it may end ours."""
    try:
        return entry.load()
    except (Exception, SystemExit) as error:
        raise Unusable(f"cannot be loaded: {type(error).__name__}: {error}") from error


def usable(layer: Any, taken: Mapping[str, type[LayerType]], words: Collection[str]) -> type[LayerType]:
    """The layer, if it is one that a specification can name."""
    if not (isinstance(layer, type) and issubclass(layer, LayerType)):
        raise Unusable("is no subclass of archlang.layers.LayerType")
    name = getattr(layer, "name", None)
    if not (isinstance(name, str) and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name)):
        raise Unusable(f"has the name {name!r}; a name is letters, digits and `_`, and begins with no digit")
    if name in words:
        raise Unusable(f"the name `{name}` is a word of the language")
    if name in taken:
        raise Unusable(f"the name `{name}` is taken by {taken[name].__module__}.{taken[name].__qualname__}")
    refuse_misbuilt(layer)
    return layer


def refuse_misbuilt(layer: type[LayerType]) -> None:
    if not re.fullmatch(r"[\w.]+:[\w.]+", str(getattr(layer, "lowering", ""))):
        raise Unusable("has no `lowering`, such as `their_package.lower:build`")
    if any(isinstance(value, Field) for value in vars(layer).values()):
        raise Unusable("is no dataclass; write `@dataclass(frozen=True)` above the class")
    try:
        layer.parameters()
    except KeyError:
        raise Unusable("has a field that is no argument; declare each with `argument(kind)`") from None
    refuse_failing(layer)


# --- trying a layer ---------------------------------------------------------------------------------------------------


def refuse_failing(layer: type[LayerType]) -> None:
    """Try an example of the layer: an exception would otherwise end the command of whoever names it."""
    made = attempt("example()", layer.example)
    for method, given, fits, expected in TRIALS:
        call = f"{method}({given})"
        result = attempt(call, lambda method=method, given=given: getattr(made, method)(given))
        if isinstance(result, Refused):
            return  # what the other methods do at this width does not matter
        if not fits(result):
            raise Unusable(f"`{call}` gives {result!r}; expected {expected}")


def attempt(call: str, do: Callable[[], Any]) -> Any:
    """What the layer gives, or that it refuses."""
    try:
        return do()
    except Refused as refusal:
        return refusal
    except Exception as error:
        raise Unusable(f"`{call}` raises {type(error).__name__}: {error}") from error


def is_type(value: Any) -> bool:
    return isinstance(value, Type)


def is_count(value: Any) -> bool:
    return isinstance(value, int) and value >= 0


UNKNOWN, KNOWN = Type.of_input(None), Type.of_input(8)  # a width is None where nobody gave one
# Each method with what it is tried on, and what it must give.
TRIALS: tuple[tuple[str, Any, Callable[[Any], bool], str], ...] = (
    ("output", UNKNOWN, is_type, "a Type"),
    ("output", KNOWN, is_type, "a Type"),
    ("num_params", 8, is_count, "a whole number from 0"),
    ("flops", 8, is_count, "a whole number from 0"),
    ("elementwise", 8, is_count, "a whole number from 0"),
    ("saved", KNOWN, lambda value: isinstance(value, Saved), "a Saved"),
)
