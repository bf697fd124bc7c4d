"""`use "path"`: the definitions of other files, brought into one.

A path leads from the folder of the file that has the `use`, else from the shipped specifications, to a file inside one of two
roots: the folder of the file that was asked for, and the shipped specifications. Links are followed before that is checked.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from archlang import resources, syntax
from archlang.definitions import Definitions, unique
from archlang.diagnostics import MAX_SHOWN, Diagnostic, Replacement, SpecError, did_you_mean
from archlang.limits import MAX_FILES
from archlang.parse import parse
from archlang.read import read_file
from archlang.wrong import Wrong, wrong

MAX_SEEN = 200  # files beside a file that are looked at for a name that was meant


def merged(file: syntax.File) -> syntax.File:
    """The file with the definitions that it uses in front of its own, each name once; a name that it defines again keeps its
    first place. What is wrong is among the mistakes of the result."""
    library = Library(file)
    definitions = library.brought_into(file)
    broken = file.broken.union(*(used.broken for used in library.files.values()))
    found = {"definitions": tuple(definitions.values()), "mistakes": tuple(library.mistakes), "broken": broken}
    return replace(file, **found, incomplete=library.incomplete)


@dataclass
class Library:
    """The files that one file uses, each read once."""

    top: syntax.File
    files: dict[Path, syntax.File] = field(default_factory=dict)
    done: dict[Path, Definitions] = field(default_factory=dict)
    active: list[Path] = field(default_factory=list)
    lost: set[tuple[Path | None, str]] = field(default_factory=set)  # paths that lead nowhere, and from which file
    mistakes: list[Diagnostic] = field(default_factory=list)
    incomplete: bool = False

    @property
    def roots(self) -> tuple[Path, ...]:
        specs = resources.folder("specs").resolve()
        path = self.top.source.path
        return (specs,) if path is None or resources.is_shipped(path) else (path.parent.resolve(), specs)

    def brought_into(self, file: syntax.File) -> Definitions:
        """The definitions of a file, with those that it uses."""
        own, mistakes = unique(file.definitions)
        self.mistakes += [*file.mistakes, *mistakes]
        brought: dict[str, tuple[syntax.Use, syntax.Definition]] = {}
        for use in file.uses:
            found = self.used(use)
            twice = [name for name in found if name not in own and brought.get(name, (use, found[name]))[1] is not found[name]]
            self.mistakes += [brought_twice(twice, use, brought[twice[0]][0])] if twice else []
            brought = {name: (use, definition) for name, definition in found.items()} | brought
        return {name: definition for name, (_, definition) in brought.items()} | own

    def used(self, use: syntax.Use) -> Definitions:
        """What a `use` brings in; nothing where it is wrong, which is reported once."""
        key = (use.span.source.path, use.path)
        if key in self.lost:
            return {}
        try:
            path = self.find(use)
            if path not in self.done:
                self.done[path] = {}  # where it cannot be read, that is said once
                self.done[path] = self.opened(path, use)
            return self.done[path]
        except Wrong as mistake:
            self.lost.add(key)
            self.mistakes += mistake.diagnostics
            self.incomplete = True
            return {}

    def opened(self, path: Path, use: syntax.Use) -> Definitions:
        self.active.append(path)
        try:
            return self.brought_into(self.read(path, use))
        finally:
            self.active.pop()

    def read(self, path: Path, use: syntax.Use) -> syntax.File:
        if len(self.files) == MAX_FILES:
            raise wrong("E0003", f"a specification may use {MAX_FILES} files; this would be one more", use.span)
        try:
            file = parse(read_file(str(path), shown=self.shown(path)))
        except SpecError as error:
            raise Wrong(*(used_here(found, use) for found in error.diagnostics)) from None
        if file.expression is not None:
            message = "this file is a bare expression; a `use` brings in definitions"
            raise wrong("E0005", message, use.span, help="give it a name there: `net = …`")
        self.files[path] = file
        return file

    def shown(self, path: Path) -> str:
        """The name under which people know a file."""
        root = next(root for root in self.roots if path.is_relative_to(root))
        top = self.top.source.path
        return str(path.relative_to(root) if top is None or resources.is_shipped(path) else top.parent / path.relative_to(root))

    # --- where a path leads ---------------------------------------------------------------------------------------------

    def find(self, use: syntax.Use) -> Path:
        """The file that a `use` names, links followed. Raises `Wrong` where there is none, or it lies outside of the roots."""
        places = [self.place(folder, use) for folder in (use.span.source.path, resources.folder("specs") / "_") if folder]
        inside = [place for place in places if place and any(place.is_relative_to(root) for root in self.roots)]
        found = next((place for place in inside if is_file(place)), None)
        if found is None:
            raise missing(use, len(self.mistakes) < MAX_SHOWN) if inside and inside[0] == places[0] else outside(use)
        if found in {*self.active, *([self.top.source.path.resolve()] if self.top.source.path else [])}:
            raise wrong("E0203", f"this file uses itself: {use.path}", use.span, help="take the `use` away")
        return found

    def place(self, beside: Path, use: syntax.Use) -> Path | None:
        """Where the path of a `use` leads from the folder of a file; None where it can lead nowhere."""
        try:
            return None if Path(use.path).is_absolute() else (beside.parent / use.path).resolve()
        except (OSError, ValueError, RuntimeError):
            return None


def is_file(path: Path) -> bool:
    """Whether a file is there. Where one may not even look, to read it says why."""
    try:
        return path.is_file()
    except OSError:
        return True


def brought_twice(names: list[str], use: syntax.Use, first: syntax.Use) -> Diagnostic:
    shown = ", ".join(f"`{name}`" for name in names[:MAX_SHOWN])
    help = f"define {shown} here, in a file of its own that both use, or leave one of them away"
    secondary = ((first.span, "first defined through this"),)
    return Diagnostic("E0202", f"two files that are used define {shown}", use.span, "defined again", secondary, help=help)


def used_here(found: Diagnostic, use: syntax.Use) -> Diagnostic:
    return replace(found, secondary=(*found.secondary, (use.span, "used here")))


def outside(use: syntax.Use) -> Wrong:
    help = "a file may use files beside it or below it, and shipped ones (`archlang specs` lists them)"
    return wrong("E0005", "this `use` leads out of the specification's folder", use.span, help=help)


def missing(use: syntax.Use, read: bool) -> Wrong:
    """There is no such file; the one that was probably meant is looked for as long as someone will read it."""
    similar = meant(use.path.removesuffix(".arch"), use) if read else None
    help = "a path leads from the folder of this file, or to a shipped specification"
    help = f'did you mean `use "{similar}.arch"`?' if similar else help
    edit = Replacement(use.span, f'"{similar}.arch"') if similar else None
    return Wrong(Diagnostic("E0001", f"there is no file `{use.path}`", use.span, help=help, replacement=edit))


def meant(name: str, use: syntax.Use) -> str | None:
    """The file that was probably meant, without its ending: one beside, or a shipped one; `base` may be `wang2025/base`."""
    here = use.span.source.path
    beside = [file.stem for file in islice(here.parent.glob("*.arch"), MAX_SEEN)] if here else []
    shipped = resources.spec_names()
    inside = [full for full in shipped if full.endswith(f"/{name}")]
    return inside[0] if len(inside) == 1 else did_you_mean(name, [*beside, *shipped], cutoff=0.75)
