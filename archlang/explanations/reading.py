"""E00xx: getting at the text."""

from __future__ import annotations

from archlang.explanations.form import Commands, Explanation, Text
from archlang.limits import MAX_FILE_BYTES, MAX_FILES

READING = {
    "E0001": Explanation(
        meaning="""A specification is a file that ends in `.arch`, the name of a shipped one, or the text itself. Here it, or
        a `use` in it, names a file that is not there, that may not be read, or that is no file; or a file cannot be written
        that `archlang fmt` or `--fix` would change.""",
        why="""Anything else in the place of that file, an empty network or another one of a similar name, would be trained
        under the name that you gave.""",
        example=Commands(
            wrong="archlang check wang2025/base.arch --env reacher",
            message="error[E0001]: cannot read wang2025/base.arch: there is no such file",
            right="archlang check wang2025/base --env reacher",
            given="wang2025/base is a shipped specification and no file",
        ),
        see=("E0005",),
    ),
    "E0002": Explanation(
        meaning="""A specification is UTF-8 text, without control characters other than tabs and line ends. The place is that
        of the first byte or character that does not belong.""",
        why="""An encoding can only be guessed, and a wrong guess turns one character into another without a sign. A run
        stores its specification; what it stores must be what you saw when you wrote it.""",
        example=Commands(
            wrong="archlang check mine.arch --in 29",
            message="""\
error[E0002]: this is not UTF-8 text: byte 0xef
1 │ width = 256  # the na�ve one
  │                      ^""",
            right="""\
iconv -f latin1 -t utf-8 mine.arch > mended.arch
archlang check mended.arch --in 29""",
            given="an editor saved mine.arch in Latin-1",
        ),
        see=("E0102",),
    ),
    "E0003": Explanation(
        meaning=f"""A specification may have {MAX_FILE_BYTES // 1024} KiB, and may bring in {MAX_FILES} files with `use`.""",
        why="""A network of any depth takes a few lines, since a stack writes its body once. A longer text is the output of
        another program, or not a specification at all; to read it would only delay the message that says so.""",
        example=Commands(
            wrong="archlang check long.arch --in 256",
            message="error[E0003]: a specification may have 64 KiB; this one has more",
            right="archlang check '(dense256, ln, swish)*4000' --in 256",
            given="long.arch has 4000 lines `dense256, ln, swish,`",
        ),
        see=("E0209",),
    ),
    "E0004": Explanation(
        meaning="The specification holds nothing but white space and comments.",
        why="""An empty text could stand for the network that does nothing. It is far more often a file that was not saved, or
        a variable of a shell script that is not set. The network that does nothing is written `id`.""",
        example=Text(wrong="# dense256, ln, swish", right="dense256, ln, swish"),
        see=("E0405",),
    ),
    "E0005": Explanation(
        meaning="""`use` brings in the definitions of a file that lies beside this one, in a folder below it, or among the
        shipped specifications. This one leads out of there, or to a file that is one bare network and defines nothing.""",
        why="""A specification goes to colleagues and clusters with its folder. A path that leads out of it works on one
        machine, and on the next finds nothing, or another file of that name.""",
        example=Text(
            wrong='use "../base.arch"\nunit = <dense256, rms, swish>',
            right='use "wang2025/base.arch"\nunit = <dense256, rms, swish>',
            env="reacher",
        ),
        see=("E0001",),
    ),
}
