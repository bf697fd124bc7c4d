"""E04xx: the networks that the runtime trains."""

from __future__ import annotations

from archlang.explanations.form import Explanation, Text

RIGHT = "actor      = dense64, swish, gaussian\nsa_encoder = dense64, swish, dense64\ng_encoder  = dense64, swish, dense64"

ROLES = {
    "E0401": Explanation(
        meaning="""The role `actor` gives a distribution of actions, so it ends in `gaussian`: one dense head for the mean and
        one for the log standard deviation.""",
        why="""A head that is added in silence has parameters which neither the text nor the count shows, and an
        initialization and bounds that an ablation cannot name.""",
        example=Text(wrong=RIGHT.replace("gaussian", "dense2"), right=RIGHT, env="reacher"),
        see=("E0303",),
    ),
    "E0402": Explanation(
        meaning="""The roles `sa_encoder` and `g_encoder` each give a vector; the distance between the two is the energy that
        contrastive RL learns. A distribution has no such distance.""",
        why="""The mean could be taken and the rest left alone. Then every count would report a second head that no loss
        trains.""",
        example=Text(wrong=RIGHT.replace("dense64\ng_", "gaussian64\ng_"), right=RIGHT, env="reacher"),
        see=("E0403",),
    ),
    "E0403": Explanation(
        meaning="""The energy is the distance between the vector of `sa_encoder` and that of `g_encoder`, so both must end in
        the same width.""",
        why="""Of two unlike widths one may be 1: that is broadcast, and trains. Any other pair fails when the loss is traced,
        with the shapes of two arrays and no line of yours.""",
        example=Text(wrong=RIGHT.removesuffix("dense64") + "dense32", right=RIGHT, env="reacher"),
        see=("E0402",),
    ),
    "E0404": Explanation(
        meaning="""An environment has inputs for three roles: `actor` takes state and goal, `sa_encoder` state and action,
        `g_encoder` the goal. The specification must define them all; `--in N` checks a network that is none of them.""",
        why="""In Stable-Baselines3 (e05d2db) a `net_arch` without the key `vf` is a value network without a hidden layer, and
        it trains. A role that is missing is a line that is missing.""",
        example=Text(wrong=RIGHT.rpartition("\n")[0], right=RIGHT, env="reacher"),
        see=("E0405",),
    ),
    "E0405": Explanation(
        meaning="""All that the specification defines is numbers, lists, and definitions that wait for their arguments: there
        is nothing to check, to count or to train.""",
        why="""A report of no networks has no mistakes in it, and a script would take it for a specification that is right.""",
        example=Text(
            wrong="width = 256\ndepth = 64",
            right="width = 256\ndepth = 64\nnet = dense{width}, (dense{width}, ln)*{depth}",
        ),
        see=("E0004", "E0404"),
    ),
    "E0406": Explanation(
        meaning="""`gaussian8` states that there are eight actions, and the environment has another number. A bare `gaussian`
        takes the environment's.""",
        why="""To leave actions out, or to fill them up with zeros, trains outputs that nothing obeys; their entropy would
        still be part of the loss.""",
        example=Text(wrong=RIGHT.replace("gaussian", "gaussian8"), right=RIGHT, env="reacher"),
        see=("E0305",),
    ),
}
