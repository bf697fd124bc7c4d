"""The dtypes of the language in jax. Parameters are float32, whatever is computed in."""

from typing import Any

import jax.numpy as jnp

DTYPES: dict[str, Any] = {"f32": jnp.float32, "bf16": jnp.bfloat16}

# What a layer computes in: float32 is not forced, so that a network whose parameters are float64 computes in float64.
COMPUTE: dict[str, Any] = {"f32": None, "bf16": jnp.bfloat16}
