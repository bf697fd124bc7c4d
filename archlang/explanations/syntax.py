"""E01xx: syntax."""

from __future__ import annotations

from archlang.explanations.form import Explanation, Text
from archlang.limits import MAX_NESTING

SYNTAX = {
    "E0101": Explanation(
        meaning="""The text can be read neither as definitions nor as one network: something is missing, one too many, or
        stands where the language has no place for it. The mark stands at the first word that does not fit.""",
        why="""A reader that goes on past what it does not understand builds a network that nobody wrote. The block strings of
        timm (aa4b585) do: a key that does not exist is accepted, and changes nothing.""",
        example=Text(wrong="dense256 ln, swish", right="dense256, ln, swish"),
        see=("E0103",),
    ),
    "E0102": Explanation(
        meaning="""Outside of comments a specification is ASCII. This character is not; often it only looks like one that is:
        `×` for `x`, `–` for `-`, a full-width or superscript digit.""",
        why="""Unicode has several hundred digits. A reader that takes them for numbers reads a width from a sign that your
        font shows as something else; and two specifications that look the same would be two networks.""",
        example=Text(wrong="res(4×<dense256, ln, swish>)", right="res(4x<dense256, ln, swish>)"),
        see=("E0002",),
    ),
    "E0103": Explanation(
        meaning="A bracket is never closed, closes nothing, or is closed by one of another kind.",
        why="""Where a bracket ends decides which layers a sum jumps over and which a stack copies. To put the missing one in
        somewhere, say at the end of the line, is to choose one of several architectures.""",
        example=Text(wrong="res(4x<dense256, ln, swish)*250", right="res(4x<dense256, ln, swish>)*250"),
        see=("E0101",),
    ),
    "E0104": Explanation(
        meaning=f"""Brackets, repeats and definitions lie more than {MAX_NESTING} deep inside each other. A definition counts
        wherever it is used, with what it holds: a name for the inner part does not make it less deep.""",
        why="""Depth comes from layers in sequence and from stacks, which have no such limit. So many levels come from a
        program that wrote the text and went wrong; to follow them would end in Python's own stack, with no place to show.""",
        example=Text(wrong="\n".join(["res(" * 16] * 3 + ["res(ln" + ")" * 49]), right="res(ln)*49"),
        see=("E0209",),
    ),
}
