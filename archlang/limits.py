"""How large a specification may be. Each limit has its own diagnostic."""

MAX_FILE_BYTES = 64 * 1024
MAX_NESTING = 48  # brackets, repeats and definitions around one item
MAX_NODES = 10_000  # written nodes of a network; a stack counts its body once
MAX_FILE_NODES = 3 * MAX_NODES  # of all networks of a file: three roles, each at its limit
MAX_WIDTH = 2**31 - 1
MAX_COUNT = 2**63 - 1
MAX_DIGITS = 19  # of a literal; more cannot be below 2**63, and int() refuses 4,301
MAX_NUMBER = 3.4028234663852886e38  # the largest of float32, for what is no whole number
MIN_NUMBER = 1.1754943508222875e-38  # the smallest normal one of float32; XLA takes what is smaller for 0
MAX_FILES = 64  # that a specification may use
MAX_STEPS = 70_000  # items that are looked at to write out one specification; a text that says everything once takes fewer
MAX_POINTS = 10_000  # of a grid
MAX_GRID_STEPS = 500_000  # of all points of a grid, and nodes of their networks
MAX_FIXES = 20  # rounds of `--fix`; each may bring new mistakes to light
