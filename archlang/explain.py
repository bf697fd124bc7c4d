"""`archlang explain CODE`: what a diagnostic means, why it is one, an example that is wrong and one that is right.

The explanations are data, in `archlang/explanations/`. The message of a wrong text is not among them: it comes from the
compiler when it is shown.
"""

from __future__ import annotations

import re
from textwrap import fill, indent

from archlang.codes import CODES
from archlang.diagnostics import Diagnostic, SpecError, render
from archlang.explanations import EXPLANATIONS, Commands, Explanation, Program, Text
from archlang.pipeline import check, tree, whole
from archlang.source import Source

WIDTH, LONGEST = 90, 100  # columns of prose, and of the longest line of an example
PLACE_OR_HELP = re.compile(r" *[┌├]─|help: ")


def explanation(code: str) -> str:
    """What `archlang explain` prints, in at most 100 columns. Raises `KeyError` where there is no such code."""
    about = EXPLANATIONS[code]
    message = message_of(about.example)
    kind = "a warning" if message.startswith("warning") else "an error"
    parts = [f"{code}: {CODES[code]}", prose(about.meaning), prose(f"Why it is {kind}: {about.why}")]
    return "\n\n".join([*parts, *example(about.example, message), *see(about)])


def prose(text: str) -> str:
    """The text in lines of `WIDTH` columns; what stands in backticks is never parted."""
    kept = re.sub(r"`[^`]*`", lambda code: code.group().replace(" ", "\0"), " ".join(text.split()))
    return fill(kept, WIDTH, break_on_hyphens=False, break_long_words=False).replace("\0", " ")


def message_of(shown: Text | Commands | Program) -> str:
    """What the compiler or the command says of what is wrong."""
    return compact(render(diagnose(shown, shown.wrong))) if isinstance(shown, Text) else shown.message


def example(shown: Text | Commands | Program, message: str) -> list[str]:
    """What is wrong with the message that it gives, and what is right, under their headings."""
    if isinstance(shown, Program):
        return ["Wrong:", block(shown.wrong), said(message), "Right:", block(shown.right)]
    if isinstance(shown, Commands):
        where = f", where {shown.given}" if shown.given else ""
        return [prose(f"Wrong{where}:"), typed(shown.wrong), said(message), "Right:", typed(shown.right)]
    options = f" with {checked_with(shown)}" if checked_with(shown) else ""
    return [f"Wrong{options}:", block(shown.wrong), said(message), "Right:", block(shown.right)]


def checked_with(shown: Text) -> str:
    """The options of `archlang check` that the texts need."""
    if shown.env is not None:
        return f"--env {shown.env}"
    return "" if shown.in_features is None else f"--in {shown.in_features}"


def diagnose(shown: Text, text: str) -> tuple[Diagnostic, ...]:
    """What the compiler says of one of the two texts."""
    try:
        return check(whole(tree(Source(text))), in_features=shown.in_features, env=shown.env).diagnostics
    except SpecError as error:
        return error.diagnostics


def compact(rendered: str) -> str:
    """Of diagnostics as people read them: headlines, notes, and the lines of the source with their marks."""
    return "\n".join(line for line in rendered.splitlines() if line and not PLACE_OR_HELP.match(line))


def see(about: Explanation) -> list[str]:
    return ["\n".join(f"See also {code}: {CODES[code]}" for code in about.see)] if about.see else []


def typed(commands: str) -> str:
    return indent(commands, "    $ ")


def said(message: str) -> str:
    """A message; what is no line of a source is wrapped."""
    lines = (line if "│" in line else fill(line, LONGEST - 4, subsequent_indent="  ") for line in message.splitlines())
    return block("\n".join(lines))


def block(text: str) -> str:
    return indent(text, "    ")
