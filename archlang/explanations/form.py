"""What an explanation consists of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Text:
    """A specification that is wrong and one that mends it, each checked with an input width or an environment, or neither."""

    wrong: str
    right: str
    in_features: int | None = None
    env: str | None = None


@dataclass(frozen=True)
class Commands:
    """A command that is refused and what to type instead, for what a text alone cannot show.

    `given` is the situation in words, behind "where"; `message` is what the command says, which the tests hold against
    what it really says.
    """

    wrong: str
    message: str
    right: str
    given: str = ""


@dataclass(frozen=True)
class Program:
    """Python that is refused and what to write instead; `message` is what it says, which the tests hold against the truth."""

    wrong: str
    message: str
    right: str


@dataclass(frozen=True)
class Explanation:
    """What a code means beyond its one line, why it is an error and no default, an example, and the codes beside it."""

    meaning: str
    why: str
    example: Text | Commands | Program
    see: tuple[str, ...] = ()
