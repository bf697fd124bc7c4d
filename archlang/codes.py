"""Every diagnostic code, once, with its one-line meaning. A code never changes its meaning and is never used again."""

CODES = {
    # E00xx: getting at the text
    "E0001": "the specification cannot be read",
    "E0002": "the specification is not text",
    "E0003": "the specification is too large",
    "E0004": "the specification is empty",
    "E0005": "a `use` that cannot be followed",
    # E01xx: syntax
    "E0101": "the text does not follow the grammar",
    "E0102": "a character that the language does not use",
    "E0103": "a bracket without its partner",
    "E0104": "brackets or definitions are nested too deeply",
    # E02xx: names, numbers and arguments
    "E0201": "an unknown name",
    "E0202": "a name is defined twice",
    "E0203": "a definition refers to itself",
    "E0204": "a number is out of range",
    "E0205": "a number where a network is needed, or the other way round",
    "E0206": "arguments that the layer does not take",
    "E0207": "arithmetic without a whole result",
    "E0208": "an annotation that does not apply",
    "E0209": "a network is too large",
    "E0210": "a name that belongs to the language",
    "E0211": "a grid has too many points",
    "E0212": "lists of unlike length",
    "E0213": "a definition or a parameter that nothing uses",
    # E03xx: types
    "E0301": "a stack must keep its width",
    "E0302": "a residual body must keep its width",
    "E0303": "nothing may follow a distribution",
    "E0304": "branches of unlike width cannot be summed",
    "E0305": "the width of the action is not known",
    "E0306": "a width is out of range",
    # E04xx: roles
    "E0401": "an actor must end in a gaussian",
    "E0402": "an encoder must not end in a distribution",
    "E0403": "the encoders must end in the same width",
    "E0404": "a role is missing",
    "E0405": "the specification holds no network",
    "E0406": "the action width is not the environment's",
    # E05xx: GPUs, and what fits them
    "E0502": "an unknown GPU",
    # E06xx: environments and training options
    "E0601": "an unknown environment",
    "E0602": "a runtime cannot be loaded",
    "E0603": "a setting that cannot be honoured",
    "E0604": "an input width is not known",
    # E07xx: runs and their folders
    "E0701": "a folder that is not a run",
    "E0702": "a run that cannot be understood",
    "E0703": "a run with other settings",
    "E0704": "a checkpoint that cannot be read",
    "E0705": "a file that cannot be used",
    "E0706": "a run that is in use",
    "E0707": "a run without a checkpoint",
    "E0708": "numbers that are not finite",
    "E0709": "not enough memory",
    "E0710": "an environment that always blows up",
    "E0711": "weights that cannot be imported",
    "E0712": "a run without metrics",
    # E08xx: lowered networks
    "E0801": "parameters of another network",
    "E0802": "an input that the network does not take",
    "E0803": "the body of a stack changes the type of its value",
    "E0804": "a layer that cannot be written as Flax source",
    "E0805": "a program cannot be compiled for a GPU",
}
