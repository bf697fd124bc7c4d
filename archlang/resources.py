"""Finds the data that ships with archlang: the grammar and the named specs. Nothing else knows where they lie."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def grammar() -> str:
    """The text of the grammar of the language."""
    return (folder("grammars") / "archlang.lark").read_text(encoding="utf-8")


def spec_names() -> list[str]:
    """The names of the shipped specs, sorted, such as `reacher` and `wang2025/base`."""
    root = folder("specs")
    files = (file for file in root.rglob("*.arch") if _ships(root, file))
    return sorted(file.relative_to(root).with_suffix("").as_posix() for file in files)


def spec_path(name: str) -> Path | None:
    """The file of the shipped spec of that name, or None; no name leads out of the specs folder."""
    return folder("specs") / f"{name}.arch" if name in spec_names() else None


def is_shipped(path: Path) -> bool:
    """Whether a file is one of the shipped specs."""
    return path.resolve().is_relative_to(folder("specs").resolve())


def folder(kind: str) -> Path:
    """The folder `grammars` or `specs`: inside the package when installed, beside it in a checkout.

    Raises FileNotFoundError, with the places looked at, when the installation has lost it.
    """
    places = [root / kind for root in _roots()]
    found = next((place for place in places if place.is_dir()), None)
    if found is None:
        raise FileNotFoundError(f"archlang's {kind} are missing; looked in {', '.join(map(str, places))}")
    return found


def _roots() -> list[Path]:
    checkout = _PACKAGE.parent
    return [_PACKAGE, checkout] if (checkout / "pyproject.toml").is_file() else [_PACKAGE]


def _ships(root: Path, file: Path) -> bool:
    """Editors and file systems leave hidden copies, and a link may point anywhere."""
    hidden = any(part.startswith(".") for part in file.relative_to(root).parts)
    return not hidden and file.is_file() and file.resolve().is_relative_to(root.resolve())
