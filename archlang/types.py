"""The type of a value that flows through a network: dtype and width, written `f32[256]`."""

from __future__ import annotations

from dataclasses import dataclass, replace

DTYPES = ("f32", "bf16")
ITEMSIZE = {"f32": 4, "bf16": 2}  # bytes of one number


@dataclass(frozen=True)
class Type:
    """A batch of vectors, `[batch, width]`; a distribution over them after `gaussian`. Width None: not known yet.

    `source` is the width of the network's input, which `concat_input` puts beside the value.
    """

    width: int | None = None
    dtype: str = "f32"
    distribution: bool = False
    source: int | None = None
    wrong: bool = False  # what a node that was reported gives; it agrees with everything, so that nothing else is reported

    def __str__(self) -> str:
        inner = f"{self.dtype}[{'?' if self.width is None else self.width}]"
        return f"gaussian {inner}" if self.distribution else inner

    @staticmethod
    def of_input(width: int | None) -> Type:
        """The type of what goes into a network."""
        return Type(width, source=width)

    @property
    def row_bytes(self) -> int:
        """How many bytes one row takes; 0 where its width is not known."""
        return ITEMSIZE[self.dtype] * (self.width or 0)

    def with_width(self, width: int | None) -> Type:
        """A value that a layer gives, whatever came into it."""
        if width == self.width and not self.wrong:
            return self
        return Type(width, self.dtype, self.distribution, self.source)

    def with_dtype(self, dtype: str) -> Type:
        return replace(self, dtype=dtype)

    def agrees_with(self, other: Type) -> bool:
        """Whether the two are the same type, as far as is known."""
        if self.wrong or other.wrong:
            return True
        known = self.width is not None and other.width is not None
        return self.distribution == other.distribution and (not known or self.width == other.width)
