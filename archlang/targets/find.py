"""From what `--gpu` is given to a GPU: one that has a name here, or one of which only the memory is given."""

from __future__ import annotations

import re
from decimal import Decimal

from archlang.diagnostics import Diagnostic, DiagnosticError, did_you_mean, short
from archlang.source import Source
from archlang.targets.gpu import Gpu
from archlang.targets.table import GPUS

CUSTOM = "custom:"
UNITS = {"GB": 10**9, "GiB": 2**30}
MOST_GB = 10_000
TAKES = f"`{CUSTOM}` takes more than 0 and at most {MOST_GB:,} GB, for instance `custom:24GB` or `custom:23.5GiB`"
MOST_SUGGESTED = 3  # of names that all hold what was written


def find_gpu(name: str) -> Gpu:
    """The GPU of that name, in capitals or not, `_` and blanks for `-`; `custom:24GB` is one of which only the memory is known.

    Raises `DiagnosticError` (E0502).
    """
    if not isinstance(name, str):
        raise refused(str(name), f"a GPU is given by its name; got {short(repr(name))}", "for instance h100-80gb")
    spelt = re.sub("[_ ]", "-", name.lower())
    if spelt in GPUS:
        return GPUS[spelt]
    if spelt.startswith(CUSTOM):
        return custom(name)
    similar = " or ".join(f"`{found}`" for found in suggestions(name))
    help = f"did you mean {similar}?" if similar else f"there are: {', '.join(GPUS)}; or `custom:24GB`"
    raise refused(name, f"there is no GPU `{short(name)}`", help)


def find_target(name: str) -> Gpu:
    """The same, where a program is to be compiled for it: one of which only the memory is known is refused, too."""
    gpu = find_gpu(name)
    if gpu.chip is None:
        raise not_compilable(gpu)
    return gpu


def not_compilable(gpu: Gpu) -> DiagnosticError:
    message = f"of `{gpu.name}` only the memory is known: no program can be compiled for it"
    return refused(gpu.name, message, f"one can for {', '.join(GPUS)}")


def custom(name: str) -> Gpu:
    """A GPU of which only the memory is known."""
    written = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(GB|GiB)", given := name[len(CUSTOM) :])
    memory = int(Decimal(written[1]) * UNITS[written[2]]) if written else 0
    if not 0 < memory <= MOST_GB * UNITS["GB"]:
        raise refused(name, f"`{short(name)}` gives no memory that a GPU can have", TAKES)
    return Gpu(f"{CUSTOM}{given}", memory, "given")


def suggestions(name: str) -> list[str]:
    """The names that can be meant, whatever the case, blanks and signs.

    Those that are the same, by name or model; else those that hold what was written; else those of which it holds what stands
    before the memory; else one that differs by a slip.
    """
    word = plain(name)
    same = [known for known in GPUS if word in (plain(known), plain(model(known)))]
    longer = [known for known in GPUS if word and word in plain(known)]
    shorter = [known for known in GPUS if plain(known.rpartition("-")[0]) in word]
    found = next((found for found in (same, longer, shorter) if 1 <= len(found) <= MOST_SUGGESTED), None)
    similar = did_you_mean(name, GPUS)
    return found or ([] if similar is None else [similar])


def model(name: str) -> str:
    chip = GPUS[name].chip
    return "" if chip is None else chip.model


def plain(name: str) -> str:
    """Its letters and digits, in small letters."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def refused(name: str, message: str, help: str) -> DiagnosticError:
    return DiagnosticError([Diagnostic("E0502", message, Source(name, "--gpu").span(), help=help)])
