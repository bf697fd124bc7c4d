"""Layers of other packages: the entry-point group `archlang.layers`, each a subclass of `LayerType`.

    [project.entry-points."archlang.layers"]
    star = "their_package.layers:Star"

A plug-in that cannot be used is a text that says whose it is and why, never an exception: it breaks only what uses it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from archlang.layers.base import LayerType

GROUP = "archlang.layers"


@dataclass(frozen=True)
class Plugins:
    """What other packages add: the layers by name, and for each that cannot be used a text with the reason."""

    layers: Mapping[str, type[LayerType]]
    problems: tuple[str, ...] = ()


class Unusable(Exception):
    """Why a plug-in cannot be used."""


def load_plugins(built_in: Mapping[str, type[LayerType]]) -> Plugins:
    """Load every entry point of the group, in the order of their packages' names."""
    from importlib.metadata import entry_points  # here, because it takes long to import and few need it

    layers: dict[str, type[LayerType]] = {}
    problems: list[str] = []
    for entry in sorted(entry_points(group=GROUP), key=owner):
        try:
            layer = usable(load(entry), {**built_in, **layers})
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


def usable(layer: Any, taken: Mapping[str, type[LayerType]]) -> type[LayerType]:
    """The layer, if it is one that a specification can name."""
    if not (isinstance(layer, type) and issubclass(layer, LayerType)):
        raise Unusable("is no subclass of archlang.layers.LayerType")
    name = getattr(layer, "name", None)
    if not (isinstance(name, str) and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name)):
        raise Unusable(f"has the name {name!r}; a name is letters, digits and `_`, and begins with no digit")
    if name in taken:
        raise Unusable(f"the name `{name}` is taken by {taken[name].__module__}.{taken[name].__qualname__}")
    refuse_misbuilt(layer)
    return layer


def refuse_misbuilt(layer: type[LayerType]) -> None:
    if not re.fullmatch(r"[\w.]+:[\w.]+", str(getattr(layer, "lowering", ""))):
        raise Unusable("has no `lowering`, such as `their_package.lower:build`")
    try:
        layer.parameters()
    except KeyError:
        raise Unusable("has a field that is no argument; declare each with `argument(kind)`") from None
