"""E03xx: types."""

from __future__ import annotations

from archlang.explanations.form import Explanation, Text

TYPES = {
    "E0301": Explanation(
        meaning="""The copies of a stack, `(…)*n`, follow each other, and each takes what the one before it gives. They share
        one compiled body, so the body must give the type that it takes.""",
        why="""A loop in Python would make a first layer of another shape and count it with the others. Here the layer that
        leads into the trunk stands before the stack, and the count of the stack is the depth.""",
        example=Text(wrong="(dense256, ln)*4", right="dense256, (dense256, ln)*4", in_features=29),
        see=("E0302",),
    ),
    "E0302": Explanation(
        meaning="""`res(body)` adds its input to what the residual body gives, number by number, so the body must give the
        width that it takes.""",
        why="""Other code puts a projection into the skip where the widths differ. It has parameters that nobody wrote, and
        the skip is the identity no longer: an ablation of the skip would change two things at once.""",
        example=Text(
            wrong="dense256, res(dense128, ln, swish)",
            right="dense256, res(dense128, ln, swish, dense256)",
            in_features=29,
        ),
        see=("E0301", "E0304"),
    ),
    "E0303": Explanation(
        meaning="""`gaussian` gives a distribution: mean and bounded log standard deviation of an action. It ends an actor; no
        layer takes it, and `par` cannot join it with anything.""",
        why="""Other code ends an actor in `tanh`. The runtime puts that on each action that it draws, with the correction
        that the log-probability needs; a second one would change the policy, and the loss would not show it.""",
        example=Text(wrong="dense256, ln, gaussian8, tanh", right="dense256, ln, gaussian8", in_features=29),
        see=("E0401",),
    ),
    "E0304": Explanation(
        meaning="""`par(a; b)` adds what its branches give, number by number, so all must give one width.
        `par(a; b, join=concat)` puts them side by side instead, whatever their widths.""",
        why="""Arrays of width 1 would be broadcast, and padding with zeros would let a branch reach only some of the numbers.
        Both train, and neither is the sum that was written.""",
        example=Text(
            wrong="par(dense128, swish; dense256), dense64",
            right="par(dense128, swish; dense256, join=concat), dense64",
            in_features=29,
        ),
        see=("E0302",),
    ),
    "E0305": Explanation(
        meaning="""A bare `gaussian` takes the width of the action from `--env`, from `--action 8` or from
        `.bind(action_dim=8)`. None of them was given.""",
        why="""The width of the action is part of the parameter count and of every checkpoint, and differs from one
        environment to the next: no default is right.""",
        example=Text(wrong="dense256, ln, swish, gaussian", right="dense256, ln, swish, gaussian8", in_features=29),
        see=("E0406",),
    ),
    "E0306": Explanation(
        meaning="""A layer, or a `par(…, join=concat)`, gives 2**31 numbers or more. Or a layer of a plug-in does not take the
        width that comes in, and says which it needs.""",
        why="""One row of such activations takes 8 GiB in float32. It is a number with digits too many, or a width that
        `join=concat` or `crelu` made larger once too often; here it has a place in the text, later it would be an allocation
        that fails.""",
        example=Text(
            wrong="par(dense2000000000; dense2000000000, join=concat)",
            right="par(dense2000; dense2000, join=concat)",
            in_features=29,
        ),
        see=("E0204",),
    ),
}
