"""E08xx: lowered networks and their programs."""

from __future__ import annotations

from archlang.explanations.form import Commands, Explanation, Program

BUILT = """net = archlang.parse("dense8, relu").networks["network"]
model = archlang.lower.build(net, 4, rngs=nnx.Rngs(0))"""

LOWERING = {
    "E0801": Explanation(
        meaning="""The arrays that were given are not laid out as this network has them; the message names the first that is
        missing, too many or of another shape. Or they come with the hash of another network. Parameters of the same network
        in other stacks go through `archlang.lower.restack`, those of each layer apart through `archlang.lower.stack`.""",
        why="""`nnx.update` takes arrays of any shape and leaves out nothing that it was not given. A network of another
        activation has the very same arrays, and gives other outputs.""",
        example=Program(
            wrong=f"""{BUILT}
other = archlang.parse("dense8, dense8").networks["network"]
archlang.lower.load(other, 4, nnx.state(model))""",
            message="error[E0801]: these are not parameters of `network`: `dense_0.bias` is missing\n"
            "1 │ dense8, dense8\n  │ ^^^^^^^^^^^^^^",
            right=f"{BUILT}\narchlang.lower.load(net, 4, nnx.state(model), hash=net.hash)",
        ),
    ),
    "E0802": Explanation(
        meaning="""A lowered network takes float32 (or float64, where jax has it) with the width that it was built for as the
        last axis. Other axes are rows; there may be none of them.""",
        why="""jax would name the shapes of a product somewhere inside, or compute on in the narrower of two dtypes; which
        network it was, and what it takes, would have to be guessed.""",
        example=Program(
            wrong=f"{BUILT}\nmodel(jnp.ones((2, 5)))",
            message="error[E0802]: `network` takes f32[…, 4]; got f32[2, 5]",
            right=f"{BUILT}\nmodel(jnp.ones((2, 4)))",
        ),
    ),
    "E0803": Explanation(
        meaning="""The copies of a stack hand their value on from one to the next, so what comes out of one has the dtype and
        the shape of what went in. The checks see to that; a layer of a plug-in whose lowering gives another type than its
        `output` says gets past them.""",
        why="""A value that is cast back at each copy would be rounded at each, and nothing in the text says so.""",
        example=Program(
            wrong="""class Narrow(nnx.Module):  # what a plug-in's `narrow` is lowered to
    def __call__(self, x):
        return x.astype(jnp.bfloat16)

net = archlang.parse("(narrow)*4").networks["network"]
archlang.lower.build(net, 8, rngs=nnx.Rngs(0))(jnp.ones((2, 8)))""",
            message="error[E0803]: the body of a stack takes f32[2, 8] and gives bf16[2, 8]",
            right="""class Narrow(nnx.Module):
    def __call__(self, x):
        return x.astype(jnp.bfloat16).astype(x.dtype)

net = archlang.parse("(narrow)*4").networks["network"]
archlang.lower.build(net, 8, rngs=nnx.Rngs(0))(jnp.ones((2, 8)))""",
        ),
        see=("E0301",),
    ),
    "E0804": Explanation(
        meaning="""`archlang emit flax` writes a file that needs flax and jax alone. How a layer of another package is written
        in Flax is not known here.""",
        why="""An import of that package, or a layer left out, would give a file that does not run elsewhere, or that runs and
        is another network.""",
        example=Commands(
            wrong="archlang emit flax '(star2)*3' --in 4",
            message="error[E0804]: `star` is a layer of another package, which the file would need\n1 │ (star2)*3\n  │ ^^^^^^^",
            right="archlang emit flax '(relu)*3' --in 4",
            given="the layer `star` comes from another package",
        ),
    ),
    "E0805": Explanation(
        meaning="""XLA's compiler for NVIDIA GPUs is a package of its own; with it, programs are compiled for a GPU on any
        Linux machine. It is not installed, or it did not compile this program, and the message has its reason.""",
        why="""A program for the CPU in its place is another one: other fusions, other memory.""",
        example=Commands(
            wrong="archlang emit hlo dense8 --in 4 --gpu h100-80gb",
            message="error[E0805]: XLA's compiler for NVIDIA GPUs is not installed",
            right="archlang emit hlo dense8 --in 4",
            given="the extra `archlang[gpu-check]` is not installed",
        ),
        see=("E0502",),
    ),
}
