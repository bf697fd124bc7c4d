"""E02xx: names, numbers and arguments."""

from __future__ import annotations

from archlang.explanations.form import Explanation, Text
from archlang.limits import MAX_FILE_NODES, MAX_GRID_STEPS, MAX_NODES, MAX_POINTS

GRID = """\
depth = 4 | 8 | 16 | 32 | 64 | 128 | 256 | 512 | 1024
width = 32 | 64 | 128 | 256 | 512 | 1024 | 2048 | 4096
head  = 8 | 16 | 32 | 64 | 128 | 256 | 512
norm  = ln | rms | l2 | id
act   = swish | relu | gelu | tanh | elu | mish
net   = dense{width}, res(4x<dense{width}, norm, act>)*{depth/4}, dense{head}"""
NARROWED = """\
depth = 4 | 16 | 64
norm  = ln | rms
net   = dense256, res(4x<dense256, norm, swish>)*{depth/4}, dense64"""

NAMES = {
    "E0201": Explanation(
        meaning="""The name is no layer, no definition of this specification or of one that it uses, and no annotation; or
        `--set` gives a value to a definition that is not there.""",
        why="""The block strings of timm (aa4b585) take an activation that they do not know for the default one, so that an
        ablation with a misspelt name compares the default with itself. Names of other libraries are understood, but only to
        suggest: their defaults differ.""",
        example=Text(wrong="dense256, layernorm, swish", right="dense256, ln, swish", in_features=29),
        see=("E0001", "E0206"),
    ),
    "E0202": Explanation(
        meaning="""One file defines a name twice, or brings it in twice through two `use`s. What a file brings in, it may
        define again: that is how an ablation is written.""",
        why="""Whoever reads the first line takes it for the value. In the block strings of timm (aa4b585) the last of two
        counts wins, `r1_r4` makes four: a sweep that edits the first one trains the same network again and again.""",
        example=Text(
            wrong="width = 256\nnet = dense{width}, ln\nwidth = 512",
            right="width = 512\nnet = dense{width}, ln",
            in_features=29,
        ),
    ),
    "E0203": Explanation(
        meaning="""A definition stands for what is written behind its `=`. One that holds itself, at once or through others,
        has no end; nor has a file that uses itself.""",
        why="""There is no number of rounds after which to stop that would not be a guess. What is repeated has a count:
        `4x body`, or `body*250` for a stack.""",
        example=Text(
            wrong="trunk = dense256, ln, trunk\nnet = trunk, dense64",
            right="trunk = dense256, (dense256, ln)*8\nnet = trunk, dense64",
            in_features=29,
        ),
    ),
    "E0204": Explanation(
        meaning="""A number is not one that can stand here: widths and counts begin at 1, widths end below 2**31 and all other
        whole numbers below 2**63, a number with a point or an exponent is one of float32, and a rate of `dropout` is below
        1. A stack may be written and checked with any count, and built with one below 2**31.""",
        why="""The block strings of timm (aa4b585) accept `r0` and build no block at all. A count of 0 is mostly a division
        that came to nothing, and the run would carry the name of a depth that it does not have. Where nothing is meant, `id`
        says so.""",
        example=Text(
            wrong="dense256, res(4x<dense256, ln, swish>)*0",
            right="dense256, res(4x<dense256, ln, swish>)*1",
            in_features=29,
        ),
        see=("E0207", "E0306"),
    ),
    "E0205": Explanation(
        meaning="""A name in braces stands for a number, a name outside of braces for a piece of network, and a list of
        numbers only among the arguments of a layer. Here one stands in the place of another.""",
        why="""Elsewhere a bare 256 is a layer, as in a list of widths `[256, 256]`. Which layer it is, with which norm and
        activation, is then a default that the text does not show and an ablation does not see.""",
        example=Text(wrong="width = 256\nnet = width, ln", right="width = 256\nnet = dense{width}, ln", in_features=29),
        see=("E0212",),
    ),
    "E0206": Explanation(
        meaning="""An argument is missing, given twice, one too many or of another kind; or it has a name that the layer, the
        definition, `res` or `par` does not take.""",
        why="""An option that is accepted and not used is the most expensive mistake of an ablation. The code of Wang et al.
        2025 (scaling-crl 8516075) has one: `skip_connections` is a flag and part of a run's name, and no network reads it.""",
        example=Text(wrong="dense(256, bais=false), ln", right="dense(256, bias=false), ln", in_features=29),
        see=("E0201", "E0208"),
    ),
    "E0207": Explanation(
        meaning="""Braces hold arithmetic with whole numbers. Here a division leaves a remainder or is by zero, or a number
        has a fraction.""",
        why="""The code of Wang et al. 2025 (scaling-crl 8516075) builds depth // 4 blocks: a depth of 66 trains the network
        of 64 under another name, and a depth of 3 trains no block at all. In a plot over depth these points stand at the wrong
        place, and nothing says so.""",
        example=Text(
            wrong="depth = 66\nnet = dense256, res(4x<dense256, ln, swish>)*{depth/4}",
            right="depth = 64\nnet = dense256, res(4x<dense256, ln, swish>)*{depth/4}",
            in_features=29,
        ),
        see=("E0204",),
    ),
    "E0208": Explanation(
        meaning="""An annotation has a value that it does not take, is given twice, or stands before something on which it has
        no effect: `@remat` and `@unroll` say how the loop of a stack, `(…)*n`, is compiled.""",
        why="""It would be a wish that nobody fulfils. You would note down the memory and the time of a plan that was never in
        force.""",
        example=Text(
            wrong="dense256, @remat(full) 8x<dense256, ln>",
            right="dense256, @remat(full) (dense256, ln)*8",
            in_features=29,
        ),
        see=("E0206",),
    ),
    "E0209": Explanation(
        meaning=f"""A network may write out {MAX_NODES:,} layers, sums and repeats, and all networks of a file together
        {MAX_FILE_NODES:,}. `nx` writes its body n times, a stack `(…)*n` writes it once, and a definition counts wherever it
        is used.""",
        why="""What is written out is traced and compiled copy by copy, and the time for that grows with each; a stack
        compiles one body, however high it is.""",
        example=Text(
            wrong="dense256, 5000x<dense256, ln>",
            right="dense256, (dense256, ln)*5000",
            in_features=29,
        ),
        see=("E0003", "E0104"),
    ),
    "E0210": Explanation(
        meaning="""The names of layers, `res`, `par`, `use`, `true` and `false` mean the same in every specification; a
        definition, or a parameter of one, has another name.""",
        why="""In a file in which `ln` is `rms`, every line below that one reads as what it is not, and so does every table of
        results that quotes it.""",
        example=Text(wrong="ln = rms\nnet = dense256, ln", right="norm = rms\nnet = dense256, norm", in_features=29),
        see=("E0202",),
    ),
    "E0211": Explanation(
        meaning=f"""Each `a | b` is an axis, and the grid has a point for every combination. More than {MAX_POINTS:,} points,
        or points that take more than {MAX_GRID_STEPS:,} steps to write out together, are not looked at.""",
        why="""That a grid is right means that every point of it is. A look at some of the points would leave the mistake to
        the run that has it. `--set depth=4|16` narrows an axis without a change to the file.""",
        example=Text(wrong=GRID, right=NARROWED, in_features=29),
    ),
    "E0212": Explanation(
        meaning="""A list among the arguments of a layer repeats the `<…>` around it, once for each number. Two lists in one
        unit go in step, first number with first number, and so have one length.""",
        why="""To stop at the end of the shorter list, as Python's `zip` does, drops layers without a word; to begin it again
        makes up numbers that nobody wrote.""",
        example=Text(
            wrong="widths = [512, 256, 128]\nrates = [0.1, 0.2]\nnet = <dense{widths}, swish, dropout{rates}>",
            right="widths = [512, 256, 128]\nrates = [0.1, 0.2, 0.2]\nnet = <dense{widths}, swish, dropout{rates}>",
            in_features=29,
        ),
        see=("E0205",),
    ),
    "E0213": Explanation(
        meaning="""The text defines a name that none of its networks needs, or a definition has a parameter that it does not
        use: misspelt, or left over. It is a warning: the networks are what they are without it. Definitions that a `use`
        brings in may stay unused.""",
        why="""A line that is meant to change a network and changes nothing is the flag that nothing reads. With a `use`, one
        wrong letter in the name that is to be replaced leaves the first network as it was, under the name of the second.""",
        example=Text(
            wrong="unit = <dense256, ln>\nunti = <dense256, rms>\nactor = unit, gaussian8",
            right="unit = <dense256, rms>\nactor = unit, gaussian8",
            in_features=29,
        ),
        see=("E0201", "E0603"),
    ),
}
