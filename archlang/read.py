"""SPEC → text. What ends in `.arch` is a file; the name of a shipped specification is that; all else is the text."""

from __future__ import annotations

import codecs
import re
import stat
from pathlib import Path

from archlang import resources
from archlang.diagnostics import Diagnostic, SpecError, did_you_mean
from archlang.layers import ALIASES, LAYERS
from archlang.limits import MAX_FILE_BYTES
from archlang.source import Source

LONGEST_PATH = 200  # characters of a path, in a message


def load_source(spec: str) -> Source:
    """The text that a SPEC stands for. Raises `SpecError` where it cannot be read."""
    if is_file_name(spec):
        return read_file(spec)
    shipped = resources.spec_path(spec)
    return read_file(str(shipped), shown=spec) if shipped else Source(spec)


def is_file_name(spec: str) -> bool:
    """Whether a SPEC names a file."""
    return spec.endswith(".arch") or looks_like_a_file(spec)


def looks_like_a_file(spec: str) -> bool:
    """A path with another ending: no network is written `name.letters`, but by mistake: `nn.Linear`, `dense256.ln`."""
    path = re.fullmatch(r"[\w./-]*\w\.([A-Za-z]\w*)", spec)
    return path is not None and path[1].lower() not in {*LAYERS, *ALIASES}


def shipped_like(spec: str) -> str | None:
    """The shipped specification that was probably meant by a text that is one word."""
    if not spec.replace("/", "").replace("_", "").isalnum():
        return None
    inside = [name for name in resources.spec_names() if name.startswith(f"{spec}/")]
    if inside:
        return f"{spec}/base" if f"{spec}/base" in inside else inside[0]
    return did_you_mean(spec, resources.spec_names())


def read_file(path: str, shown: str | None = None) -> Source:
    """A file as text. It must be a file, small enough, and UTF-8."""
    name = shown or path
    try:
        data = read_bytes(path)
    except (OSError, ValueError) as error:
        raise SpecError([unreadable(name, error)]) from None
    if len(data) > MAX_FILE_BYTES:
        message = f"a specification may have {MAX_FILE_BYTES // 1024} KiB; this one has more"
        raise SpecError([Diagnostic("E0003", message, Source("", name).span())])
    return Source(decode(data, name), name, Path(path))


def read_bytes(path: str) -> bytes:
    if not stat.S_ISREG(Path(path).stat().st_mode):
        raise OSError("it is not a file")
    with Path(path).open("rb") as file:
        return file.read(MAX_FILE_BYTES + 1)


def unreadable(name: str, error: Exception) -> Diagnostic:
    why = "there is no such file" if isinstance(error, FileNotFoundError) else getattr(error, "strerror", None) or str(error)
    stem = name.rpartition(".")[0]
    similar = did_you_mean(stem, resources.spec_names())
    help = f"a shipped specification is called `{similar}`" if similar else None
    if not name.endswith(".arch"):
        help = f"a specification's file ends in `.arch`: `{stem}.arch`?"
    return Diagnostic("E0001", f"cannot read {short_path(name)}: {why}", Source("", name).span(), help=help)


def short_path(path: str) -> str:
    """A path as a message shows it: it may be as long as a text."""
    return path if len(path) <= LONGEST_PATH else f"…{path[-LONGEST_PATH:]}"


def decode(data: bytes, name: str) -> str:
    """The text of a file; lines may end as they did before Unix, with CR alone."""
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return re.sub(r"\r(?!\n)", "\n", data.decode())
    except UnicodeDecodeError as error:
        text = data.decode(errors="replace")
        at = len(data[: error.start].decode(errors="replace"))
        message = f"this is not UTF-8 text: byte 0x{data[error.start]:02x}"
        wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        help = f"{'it may be UTF-16; ' if wide else ''}save it as UTF-8"
        raise SpecError([Diagnostic("E0002", message, Source(text, name).span(at, at + 1), help=help)]) from None
