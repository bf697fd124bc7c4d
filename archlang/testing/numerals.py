"""Numbers of a draft: where they stand, what they do there, and how else they can be written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from archlang import ir
from archlang.layers import LAYERS, Value, find_layer
from archlang.layers.kinds import Number, split_gain
from archlang.limits import MAX_COUNT
from archlang.testing.drafts import Draft, Place, at, names, picked
from archlang.unparse import value

# --- numbers of a node ------------------------------------------------------------------------------------------------


def numbers(node: Any) -> list[tuple[str, int | float]]:
    """The numbers of a node that are still written out, by the field that they stand in."""
    if isinstance(node, ir.Layer):
        found = [(name, gain(value)) for name, value in node.arguments]
    else:
        found = [(name, getattr(node, name, None)) for name in ("count", "unroll", "scale")]
    return [(name, value) for name, value in found if isinstance(value, int | float) and not isinstance(value, bool)]


def gain(value: Value) -> Value | None:
    """The number in `orthogonal(1.4)`; of another value, itself."""
    return split_gain(value)[1] if isinstance(value, str) else value


def with_number(node: Any, name: str, text: str) -> Any:
    """The node with that text in the place of a number."""
    if not isinstance(node, ir.Layer):
        return node.model_copy(update={name: text})
    arguments = tuple((key, in_place(value, text) if key == name else value) for key, value in node.arguments)
    return node.model_copy(update={"arguments": arguments})


def in_place(value: Value, text: str) -> str:
    return f"{split_gain(value)[0]}({text})" if isinstance(value, str) else text


def freedom(place: Place, name: str) -> str:
    """What a number does: a network with another `count`, `rate`, `gain`, `number` or `free` width has the same types."""
    node = place.node
    if isinstance(node, ir.Repeat):
        return "count" if name == "count" and node.unroll is None else "fixed"
    if not isinstance(node, ir.Layer):
        return "number"
    kind = next(p.kind for p in find_layer(node.name).parameters() if p.name == name)
    if isinstance(kind, Number):
        return "number" if kind.high > 1 else "rate"
    return "gain" if name == "init" else "free" if name == "features" and is_free(place) else "fixed"


def is_free(place: Place) -> bool:
    """Whether the width that a layer gives only goes into another matrix."""
    if not place.path:
        return False
    around = at(place.definition.options[place.option], place.path[:-1])  # type: ignore[arg-type]
    behind = around.items[place.path[-1] + 1 :] if isinstance(around, ir.Sequence) else ()
    for item in behind:
        if not isinstance(item, ir.Layer) or item.name not in LAYERS:
            return False
        if item.name in ("dense", "gaussian"):
            return True
    return False


# How a number may change without a change of types, by what it does; a whole number stays whole.
CHANGED: Mapping[str, Callable[[Any], tuple[Any, ...]]] = {
    "count": lambda count: (count + 1, 2 * count),
    "free": lambda width: (width + 1, 2 * width),
    "rate": lambda rate: (0.5, 0.0),
    "number": lambda number: (0.5, 2.0),
    "gain": lambda gain: (0.5, 2.0),
}


def nothing(number: float) -> tuple[float, ...]:
    return ()


# --- numbers → definitions, arithmetic, axes --------------------------------------------------------------------------

# Arithmetic of a name, and what the name must stand for so that it gives a number.
ARITHMETIC: tuple[tuple[str, Callable[[int], int | None]], ...] = (
    ("n", lambda number: number),
    ("n*2", lambda number: None if number % 2 else number // 2),
    ("n/2", lambda number: number * 2),
    ("n + 1", lambda number: number - 1),
    ("2 + n", lambda number: number - 2),
    ("n - -1", lambda number: number - 1),
    ("8 - n", lambda number: 8 - number),
    ("-n", lambda number: -number),
    ("(n + 1)*2 - n", lambda number: number - 2),
    ("3*(n - 1)/3", lambda number: number + 1),
    ("8/4*n/2", lambda number: number),
)


def name_number(draft: Draft, pick: int, random: Random) -> None:
    """`dense{width}`, `{depth/4}`; equal numbers that do the same share the name, and may be an axis."""
    found = [(place, name, number) for place in draft.places() for name, number in numbers(place.node)]
    chosen = picked(found, pick)
    if chosen is None:
        return
    place, name, number = chosen
    does = freedom(place, name)
    others = [other for other in CHANGED.get(does, nothing)(number) if other != number]
    wanted = (number, *others[: random.choice((0, 0, 1, 2))])
    text = spliced(draft, wanted, random)
    for other, key, same in found if text else ():
        if repr(same) == repr(number) and freedom(other, key) == does:
            other.put(with_number(at(other.definition.options[other.option], other.path), key, text))  # type: ignore[arg-type]


def spliced(draft: Draft, wanted: Sequence[int | float], random: Random) -> str | None:
    """`{depth/4}`, which is the first of the numbers, and at other values of an axis the others; None where nothing fits."""
    arithmetic, stored = random.choice(ways(wanted))
    if min(stored) < 0 and isinstance(stored[0], float):
        return None
    if len(stored) == 1 and random.random() < 0.2 and isinstance(stored[0], int):
        return f"{{{re.sub('n', literal(stored[0]), arithmetic)}}}"
    if not draft.grow(1, len(stored) - 1):
        return None
    name = draft.define(names(random), *(f"{{{each}}}" if each < 0 else value(each) for each in stored))
    return f"{{{arithmetic.replace('n', name)}}}"


def ways(wanted: Sequence[int | float]) -> list[tuple[str, list[int | float]]]:
    """Arithmetic that gives the numbers wanted, with what its name stands for."""
    if not all(isinstance(number, int) and abs(number) < MAX_COUNT // 8 for number in wanted):
        return [("n", list(wanted))]
    found = [(text, [inverse(number) for number in wanted]) for text, inverse in ARITHMETIC]  # type: ignore[arg-type]
    return [(text, stored) for text, stored in found if None not in stored]  # type: ignore[misc]


def literal(number: int) -> str:
    return f"({number})" if number < 0 else str(number)


INTEGER = re.compile(r"(?<![-\d.e])\d+(?![\d.e])")


def name_part(draft: Draft, pick: int, random: Random) -> None:
    """`depth = {n*2}`, `widths = [{n}, 8]`: a number in a number or a list has a name too."""
    texts = [(d, i, text) for d in draft.definitions for i, text in enumerate(d.options) if isinstance(text, str)]
    found = [(d, i, match) for d, i, text in texts if "{" not in text for match in INTEGER.finditer(text)]
    chosen = picked(found, pick)
    text = spliced(draft, [int(chosen[2].group())], random) if chosen else None
    if chosen and text:
        definition, option, match = chosen
        definition.options[option] = f"{match.string[: match.start()]}{text}{match.string[match.end() :]}"
