"""Reads case files: programs with the diagnostics that they must give, many to a file.

    === E0301 1:1 in=29        the code and place of the first diagnostic, and what to check the program with
    (dense256, ln)*4
    ---
    error[E0301]: …            what people read, to the letter

`python tests/test_invalid.py` writes what the programs give now; read the difference before you commit it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "cases"


@dataclass(frozen=True)
class Case:
    """A program, what to check it with, and what is expected."""

    file: str
    number: int
    header: str
    program: str
    expected: str

    @property
    def name(self) -> str:
        return f"{self.file}-{self.number}"

    @property
    def options(self) -> dict[str, str]:
        words = [word for word in self.header.split() if not word[0].isupper() and ":" not in word]
        return {key: value for key, _, value in (word.partition("=") for word in words)}


def read(folder: str) -> list[Case]:
    return [case for path in sorted((FOLDER / folder).glob("*.txt")) for case in read_file(path)]


def read_file(path: Path) -> list[Case]:
    blocks = ("\n" + path.read_text(encoding="utf-8")).split("\n===")[1:]
    return [read_block(path.stem, number, block) for number, block in enumerate(blocks, 1)]


def read_block(file: str, number: int, block: str) -> Case:
    header, _, rest = block.partition("\n")
    program, _, expected = rest.partition("\n---\n")
    return Case(file, number, header.strip(), program.strip("\n"), expected.strip("\n"))


def write(folder: str, cases: list[tuple[Case, str, str]]) -> None:
    """Write each case with its header and what it gives now."""
    for stem in {case.file for case, _, _ in cases}:
        blocks = [f"=== {header}\n{case.program}\n---\n{got}\n" for case, header, got in cases if case.file == stem]
        (FOLDER / folder / f"{stem}.txt").write_text("\n".join(blocks), encoding="utf-8")
