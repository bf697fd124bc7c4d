"""The names of the language itself, and what to suggest for names that are unknown."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache

from archlang.diagnostics import did_you_mean, edits
from archlang.layers import ACTIVATIONS, ALIASES, LAYERS, NORMS, WORDS

ROLES = ("actor", "sa_encoder", "g_encoder")
COMBINATORS = ("res", "par")
RESERVED = frozenset({*LAYERS, *WORDS})

# What other libraries call what has a name here: torch, keras, flax, jax, timm, Stable-Baselines.
OTHER_LIBRARIES: Mapping[str, tuple[str, ...]] = {
    "id": ("none",),
    "res": ("residual", "skip", "resnet", "resblock", "res_block", "residual_block", "shortcut", "skip_block"),
    "par": ("parallel", "branch", "branches"),
    "ln": ("layernormalization", "layer_normalization"),
    "bn": ("batchnormalization", "batch_normalization"),
    "l2": ("unitnormalization", "unit_normalization", "l2normalize"),
    "rms": ("rmsnormalization", "rms_normalization"),
    "gaussian": ("gaussian_head", "squashed_gaussian", "tanh_normal", "mean_std"),
    "features": (
        "units",
        "out_features",
        "out_dim",
        "output_dim",
        "width",
        "hidden",
        "hidden_size",
        "hidden_dim",
        "dim",
        "size",
        "filters",
        "num_output",
    ),
    "action_dim": ("actions", "num_actions", "action_size", "act_dim", "n_actions", "dim", "out_features", "features"),
    "bias": ("use_bias", "with_bias", "has_bias"),
    "init": ("kernel_init", "kernel_initializer", "weight_init", "init_value", "init_values", "initial", "value"),
    "rate": ("p", "prob", "drop_rate", "dropout_rate", "drop"),
    "slope": ("negative_slope", "alpha", "leakiness"),
    "he": ("kaiming", "kaiming_normal", "he_normal", "henormal"),
    "orthogonal": ("orth", "ortho", "orthogonal_init", "orthogonal_"),
    "lecun_uniform": ("lecun", "lecununiform"),
    "zeros": ("zero", "zeros_init", "zeros_"),
    "true": ("yes", "on"),
    "false": ("no", "off", "none"),
    "concat": ("concatenate", "cat"),
    "sum": ("add", "plus"),
    "scale": ("residual_scale", "multiplier"),
    "post": ("post_norm", "postnorm"),
    "gate": ("gating",),
    "sigmoid": ("gated", "output"),
    "join": ("merge", "mode", "combine"),
    "remat": ("checkpoint", "rematerialize", "checkpointing", "gradient_checkpointing"),
    "dtype": ("precision", "cast"),
    "full": ("all", "nothing_saveable"),
    "dots": ("dots_saveable", "checkpoint_dots", "matmuls"),
    "none": ("everything_saveable", "off", "no", "false"),
    "bf16": ("bfloat16",),
    "f32": ("float32", "fp32", "float", "single"),
    "actor": ("policy", "pi"),
}
VAGUE = frozenset({"none", "norm", "normalize", "normal", "proj", "drop"})  # words that may mean something else, too
NO_VECTORS = "every layer maps a vector to a vector: there are no images, no sequences"
INFERRED = "the width of the input is found by itself"
LAYER_OF_ITS_OWN = "an activation is a layer of its own, behind the other: `dense256, relu`"
OTHER_ACTIVATIONS = f"the activations are {', '.join(layer.name for layer in ACTIVATIONS)}"
OTHER_NORMS = f"the norms are {', '.join(layer.name for layer in NORMS)}"
SEQUENCE = "layers in sequence stand in brackets: `<dense256, ln, swish>`"
CHOICE = "a choice is written with `|`: `width = 256 | 512`, `(relu | swish)`"
OWN_NORM = "a norm is a layer of its own, behind the other: `dense256, ln`"
OWN_SKIP = "a skip stands around what it skips: `res(4x<dense256, ln>)`"
VALUES = {
    option: f"it is a value of `{p.name}`, written in the layer: `{layer.name}(…, {p.name}={option})`"
    for layer in LAYERS.values()
    for p in layer.parameters()
    for option in getattr(p.kind, "options", ())
}
HINTS: Mapping[str, str] = {
    **VALUES,
    **dict.fromkeys(("true", "false"), "it is a value of an argument, written in the layer: `dense(256, bias=false)`"),
    **dict.fromkeys(("conv", "conv1d", "conv2d", "convolution", "convolutional", "maxpool", "avgpool", "flatten"), NO_VECTORS),
    **dict.fromkeys(("lstm", "gru", "rnn", "attention", "transformer", "mha", "embedding", "embed"), NO_VECTORS),
    **dict.fromkeys(("in_features", "in_dim", "input_dim", "input_size", "input_shape"), INFERRED),
    **dict.fromkeys(("activation", "act", "activation_fn", "act_layer"), LAYER_OF_ITS_OWN),
    **dict.fromkeys(("prelu", "selu", "celu", "hardswish", "hard_swish", "softplus", "softsign", "relu6"), OTHER_ACTIVATIONS),
    **dict.fromkeys(("groupnorm", "group_norm", "instancenorm", "instance_norm", "weightnorm"), OTHER_NORMS),
    **dict.fromkeys(("use_layernorm", "use_layer_norm", "use_ln", "norm_type", "norm_layer", "normalization"), OWN_NORM),
    **dict.fromkeys(("skip_connections", "skip_connection", "use_skip", "skips"), OWN_SKIP),
    **dict.fromkeys(("sequential", "seq", "chain", "mlp"), SEQUENCE),
    **dict.fromkeys(("choice", "oneof", "choose", "axis", "grid", "range", "linspace"), CHOICE),
    **dict.fromkeys(("concat", "concatenate", "cat"), "branches side by side: `par(a; b, join=concat)`"),
    **dict.fromkeys(("add", "sum"), "branches are summed by `par(a; b)`; `res(body)` adds the input"),
    "dict": "each network is a definition of its own: `actor = …`, `sa_encoder = …`, `g_encoder = …`",
    "encoder": "each network is a definition of its own: `sa_encoder = …`, `g_encoder = …`",
    "gated": "a gated residual is `res(body, gate=sigmoid)`",
    "highway": "a highway is `res(body, gate=highway)`",
    "repeat": "copies are `4x<dense256, ln>`, a stack is `(…)*250`",
    "softmax": "the language has no such layer; a network ends in the values of its last layer",
    "sigmoid": "the language has no such layer; `res(body, gate=sigmoid)` has a gate",
}


def renamed(word: str, candidates: Mapping[str, None]) -> str | None:
    """What is called otherwise elsewhere, or is written otherwise: `layer_norm`, `ReLU`."""
    word = word.lower().replace("-", "_")
    same = [candidate for candidate in candidates if candidate.lower() == word]
    return same[0] if len(same) == 1 else elsewhere(candidates).get(word)


def elsewhere(candidates: Mapping[str, None]) -> dict[str, str]:
    """What other libraries call the candidates; the names of layers only where a layer can stand."""
    found = {alias: name for name, aliases in OTHER_LIBRARIES.items() if name in candidates for alias in aliases}
    return found | (dict(ALIASES) if LAYERS.keys() <= candidates.keys() else {})


GLUED = re.compile(r"(.*?[A-Za-z_])([0-9]+(?:\.[0-9]+)?)")
MEANT_AS_GLUED = re.compile(
    r"([A-Za-z_]*?[A-Za-z])[_-]?([0-9][0-9_]*(?:\.[0-9]+)?|\.[0-9]+)"
)  # dense_256, dense1_000, dropout.5

JOINED = re.compile(r"([A-Za-z_]+[0-9]+(?:\.[0-9]+)?)([A-Za-z_]+)")  # dense256relu


def split_glued(word: str) -> tuple[str, str] | None:
    """`dense256` → (`dense`, `256`); None where no number is glued to the word."""
    match = GLUED.fullmatch(word)
    return (match[1], match[2]) if match else None


def suggestion(word: str, known: Iterable[str], numbered: Collection[str] = ()) -> tuple[str, bool] | None:
    """The name that was probably meant, and whether that is certain: it is only called or written otherwise.

    A number that is glued to the word is kept where the name is one of `numbered`, which take one.
    """
    return remembered(word, tuple(known), frozenset(numbered))


@lru_cache(maxsize=256)
def remembered(word: str, known: tuple[str, ...], numbered: frozenset[str]) -> tuple[str, bool] | None:
    """As `suggestion`, which every point of a grid asks again."""
    candidates = {name: None for name in known if name}
    if meant := renamed(word, candidates):
        return meant, word.lower() not in VAGUE
    if (two := JOINED.fullmatch(word)) and two[1].rstrip("0123456789.") in numbered and two[2] in candidates:
        return f"{two[1]}, {two[2]}", False
    parts = MEANT_AS_GLUED.fullmatch(word)
    similar = similar_to(word, candidates)
    if parts is None or (similar and similar[-1].isdigit()):
        return (similar, False) if similar else None
    stem, number = parts[1], parts[2].replace("_", "").replace(".", "0.", parts[2].startswith("."))
    meant, certain = (stem, True) if stem in candidates else (renamed(stem, candidates), stem.lower() not in VAGUE)
    if meant is None:
        meant, certain = similar_to(stem, candidates), False
    return (f"{meant}{number}" if meant in numbered else meant, certain and meant in numbered) if meant else None


def similar_to(word: str, candidates: Mapping[str, None]) -> str | None:
    """The candidate that is written much like the word, here or in another library."""
    aliases = elsewhere(candidates)
    alias = did_you_mean(word, aliases, cutoff=0.8)
    close = {alias: aliases[alias]} if alias and edits(word.lower(), alias) <= max(1, len(word) // 4) else {}
    if similar := did_you_mean(word, candidates):
        close[similar] = similar
    return close[min(close, key=lambda spelling: edits(word.lower(), spelling.lower()))] if close else None


def hint(word: str) -> str | None:
    """What to say of a word that has no equal in the language; a number may be glued to it."""
    word = word.lower()
    return HINTS.get(word) or HINTS.get(word.rstrip("0123456789."))
