"""A text becomes an ordinary `flax.nnx` module: jit, grad, vmap and optax work on it as on any other.

python examples/flax_module.py
"""

import jax
import jax.numpy as jnp
import optax
from flax import nnx

import archlang


def main() -> None:
    network = archlang.parse("dense32, res(4x<dense32, ln, swish>)*25, dense1").networks["network"]
    model = archlang.lower.build(network, 2, rngs=nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, optax.adam(1e-3), wrt=nnx.Param)
    x = jax.random.normal(jax.random.key(0), (256, 2))
    y = jnp.sin(3 * x[:, :1]) * x[:, 1:]

    @nnx.jit
    def step(model: nnx.Module, optimizer: nnx.Optimizer) -> jax.Array:
        loss, gradients = nnx.value_and_grad(lambda model: jnp.mean((model(x) - y) ** 2))(model)
        optimizer.update(model, gradients)
        return loss

    losses = [float(step(model, optimizer)) for _ in range(100)]
    print(f"{network.num_params(2):,} parameters in {network.dense_layers} dense layers")
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.3f}")


if __name__ == "__main__":
    main()
