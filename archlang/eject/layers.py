"""How each layer is written: a module and the call of it, or a function alone where it has nothing to keep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from archlang.eject.expressions import Call, call
from archlang.layers.kinds import split_gain
from archlang.types import Type


@dataclass(frozen=True)
class Written:
    """One thing of a network: the call that makes its module, None where it needs none, and how it is put to a value."""

    put: str  # `{self}({x})`, `nnx.swish({x})`
    made: Call | None = None
    helpers: frozenset[str] = frozenset()  # what of `archlang.eject.helpers` it needs
    root: bool = False  # whether it takes the network's input beside the value
    changes: bool = False  # whether a call changes its state
    wraps: bool = False  # whether it may stand around what is before it, on one line

    def to(self, x: str, self_: str = "") -> str:
        """The text of the call for a value."""
        return self.put.replace("{self}", self_).replace("{x}", x)


Writer = Callable[[Any, Type], Written]

KERNELS: Mapping[str, str] = {
    "lecun_uniform": "LECUN_UNIFORM",
    "he": "nnx.initializers.he_normal({gain})",
    "orthogonal": "nnx.initializers.orthogonal({gain})",
    "zeros": "nnx.initializers.zeros_init({gain})",
}


def module(
    function: str, *items: str | None, helpers: tuple[str, ...] = (), wraps: bool = False, changes: bool = False
) -> Written:
    """A layer that is a module; items that are None are left away."""
    made = call(function, *(item for item in items if item is not None))
    return Written("{self}({x})", made, frozenset(helpers), wraps=wraps, changes=changes)


def function(name: str, *, helper: bool = False) -> Writer:
    return lambda layer, x: Written(f"{name}({{x}})", helpers=frozenset([name] if helper else ()), wraps=True)


def dtype(x: Type) -> str | None:
    """What a layer computes in; float32 is not forced, so that a network of float64 computes in float64."""
    return "dtype=jnp.bfloat16" if x.dtype == "bf16" else None


# --- matrices -------------------------------------------------------------------------------------------------------------


def dense(layer: Any, x: Type) -> Written:
    name, gain = split_gain(layer.init)
    kernel = KERNELS[name].format(gain="" if gain is None else repr(gain))
    bias = None if layer.bias else "use_bias=False"
    options = (bias, dtype(x), f"kernel_init={kernel}", "rngs=rngs")
    return module(
        "nnx.Linear", f"{x.width}", f"{layer.features}", *options, helpers=(kernel,) if name == "lecun_uniform" else ()
    )


def gaussian(layer: Any, x: Type) -> Written:
    options = (dtype(x), "kernel_init=LECUN_UNIFORM", "rngs=rngs")
    return module("Gaussian", f"{x.width}", f"{layer.action_dim}", *options, helpers=("LECUN_UNIFORM", "Gaussian"))


def gate(bias: float, x: Type) -> Call:
    """The module of a residual's gate."""
    options = (dtype(x), "kernel_init=LECUN_UNIFORM", "rngs=rngs")
    return call("Gate", f"{x.width}", f"bias={bias!r}", *filter(None, options))


# --- norms and factors ----------------------------------------------------------------------------------------------------


def norm(name: str) -> Writer:
    return lambda layer, x: module(name, f"{x.width}", dtype(x), "rngs=rngs", wraps=True)


def batch_norm(layer: Any, x: Type) -> Written:
    wide, helpers = ("promote_dtype=to_widest", ("to_widest",)) if dtype(x) else (None, ())
    return module("nnx.BatchNorm", f"{x.width}", dtype(x), wide, "rngs=rngs", helpers=helpers, wraps=True, changes=True)


def running_norm(layer: Any, x: Type) -> Written:
    return module("RSNorm", f"{x.width}", helpers=("RSNorm",), wraps=True, changes=True)


def scale(layer: Any, x: Type) -> Written:
    return module("Factor", f"({x.width},)", f"init={layer.init!r}", helpers=("Factor",), wraps=True)


def rezero(layer: Any, x: Type) -> Written:
    return module("Factor", "()", "init=0.0", helpers=("Factor",), wraps=True)


# --- others ---------------------------------------------------------------------------------------------------------------


def leaky(layer: Any, x: Type) -> Written:
    return Written(f"nnx.leaky_relu({{x}}, {layer.slope!r})", wraps=True)


def dropout(layer: Any, x: Type) -> Written:
    return module("nnx.Dropout", f"{layer.rate!r}", "rngs=rngs", wraps=True, changes=True)


def concat_input(layer: Any, x: Type) -> Written:
    return Written("concat_input({x}, root)", helpers=frozenset({"concat_input"}), root=True)


WRITERS: Mapping[str, Writer] = {
    "dense": dense,
    "gaussian": gaussian,
    "ln": norm("nnx.LayerNorm"),
    "rms": norm("nnx.RMSNorm"),
    "bn": batch_norm,
    "l2": function("l2_norm", helper=True),
    "rsnorm": running_norm,
    "swish": function("nnx.swish"),
    "relu": function("nnx.relu"),
    "gelu": function("nnx.gelu"),
    "tanh": function("jnp.tanh"),
    "elu": function("nnx.elu"),
    "mish": function("jax.nn.mish"),
    "leaky": leaky,
    "crelu": function("crelu", helper=True),
    "scale": scale,
    "rezero": rezero,
    "dropout": dropout,
    "concat_input": concat_input,
    "id": lambda layer, x: Written("{x}", wraps=True),
}
