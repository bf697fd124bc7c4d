"""The workers' half of `peers.py`: programs that are ready to run, each timed when the parent says so. Needs no package.

One line in, the name of a program; one line out, its seconds. So that several processes, each with a Python and packages of its
own, take turns on an idle machine.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from importlib.metadata import version


def serve(packages, prepare):
    """Say which versions these are, then answer until there is no more input.

    `prepare()` gives functions by name; each returns when all its work is done.
    """
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the programs print is no answer
    programs = prepare()
    versions = {"python": platform.python_version(), **{package: version(package) for package in packages}}
    print(json.dumps(versions), file=out, flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        programs[line.strip()]()
        print(time.perf_counter() - start, file=out, flush=True)
