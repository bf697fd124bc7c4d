"""The names of the language itself, and what to suggest for names that are unknown."""

from __future__ import annotations

import re
from collections.abc import Iterable

from archlang.diagnostics import did_you_mean
from archlang.layers import ALIASES, LAYERS

ROLES = ("actor", "sa_encoder", "g_encoder")
COMBINATORS = ("res", "par")
ANNOTATIONS = ("remat", "unroll", "dtype")
RESERVED = frozenset({*LAYERS, *COMBINATORS, "true", "false", "use"})

OTHER_LIBRARIES = {
    **ALIASES,
    "residual": "res",
    "skip": "res",
    "resnet": "res",
    "parallel": "par",
    "concat": "par",
    "checkpoint": "remat",
    "bfloat16": "bf16",
}
# Layers of the language that this version does not have: named, so that no other is suggested in their place.
PLANNED = ("bn", "l2", "elu", "mish", "crelu", "leaky", "dropout", "scale", "rezero", "rsnorm", "concat_input")
GLUED = re.compile(r"(.*?[A-Za-z_])([0-9]+(?:\.[0-9]+)?)")


def split_glued(word: str) -> tuple[str, str] | None:
    """`dense256` → (`dense`, `256`); None where no number is glued to the word."""
    match = GLUED.fullmatch(word)
    return (match[1], match[2]) if match else None


def suggestion(word: str, known: Iterable[str]) -> str | None:
    """The name that was probably meant: what another library calls it, or the most similar name, with its number kept."""
    candidates = set(known) - {""}
    exact = OTHER_LIBRARIES.get(word.lower().replace("-", "_"))
    if exact in candidates:
        return exact
    parts = split_glued(word)
    if parts is None or did_you_mean(word, candidates, cutoff=0.9):
        return did_you_mean(word, candidates) or alias_like(word, candidates)
    stem = parts[0] if parts[0] in candidates else suggestion(parts[0], candidates)
    layer = LAYERS.get(stem or "")
    numbered = layer is not None and layer.parameters() and parts[0].isalpha()
    return f"{stem}{parts[1]}" if numbered else stem


def alias_like(word: str, candidates: set[str]) -> str | None:
    alias = did_you_mean(word, OTHER_LIBRARIES, cutoff=0.8)
    meant = OTHER_LIBRARIES.get(alias or "")
    return meant if meant in candidates else None
