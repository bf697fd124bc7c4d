"""What the backward pass needs of the forward pass: as jax keeps it, with the matrix products alone kept, and as XLA fuses it.

All are of a piece of network with one input and one output, and say how pieces in a row and side by side come together. A
value that two neighbours need, one as its output and one as its input, is kept once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from archlang.analysis.fused import Fused

NOTHING = Fused(is_input=True)


@dataclass(frozen=True)
class Everything:
    """No policy: every value that a derivative is computed from. `inside` and `output_bytes` are bytes of one row.

    `twice`: what of `inside` is the same numbers as something else that is kept; XLA keeps it once.
    """

    inside: int = 0  # beside the input and the output
    output_bytes: int = 0
    needs_input: bool = False
    needs_output: bool = False
    is_input: bool = False  # the output is the input itself
    twice: int = 0

    @property
    def beside_input(self) -> int:
        return self.inside + self.output_bytes * self.needs_output

    def then(self, next: Everything) -> Everything:
        """This piece, then the next on its output."""
        if self.is_input or next.is_input:
            return self if next.is_input else next
        between = self.output_bytes * (self.needs_output or next.needs_input)
        inside = self.inside + between + next.inside
        return Everything(inside, next.output_bytes, self.needs_input, next.needs_output, twice=self.twice + next.twice)

    @staticmethod
    def joined(branches: Sequence[Everything], output_bytes: int) -> Everything:
        """Pieces on one input whose outputs are summed or put side by side: a new value, which needs none of them."""
        inside, twice = sum(b.beside_input for b in branches), sum(b.twice for b in branches)
        return Everything(inside, output_bytes, any(b.needs_input for b in branches), twice=twice)


@dataclass(frozen=True)
class Products:
    """Only outputs of matrix products are kept; what lies between one and the next is computed again, from it.

    A product is kept where something is computed again from it; `pending` are those at the end, which the next piece decides.
    """

    kept: int = 0
    pending: int = 0
    needs_input: bool = False  # something is computed again from the input
    through: bool = True  # the output depends on the input otherwise than through a product

    def then(self, next: Products) -> Products:
        """This piece, then the next on its output."""
        kept = self.kept + self.pending * next.needs_input + next.kept
        pending = next.pending + self.pending * (next.through and not next.needs_input)
        needs_input = self.needs_input or (self.through and next.needs_input)
        return Products(kept, pending, needs_input, self.through and next.through)

    @staticmethod
    def joined(branches: Sequence[Products]) -> Products:
        kept, pending = sum(b.kept for b in branches), sum(b.pending for b in branches)
        return Products(kept, pending, any(b.needs_input for b in branches), any(b.through for b in branches))

    def looped(self, count: int) -> Products:
        """Copies in a loop: it keeps the same of every copy, so the last one's products stay whether needed or not."""
        return replace(self, kept=count * (self.kept + self.pending), pending=0)


@dataclass(frozen=True)
class Residuals:
    """What a piece of network keeps in each way."""

    everything: Everything = Everything(is_input=True)
    products: Products = Products()
    fused: Fused = NOTHING

    def then(self, next: Residuals) -> Residuals:
        everything, products = self.everything.then(next.everything), self.products.then(next.products)
        return Residuals(everything, products, self.fused.then(next.fused))

    def times(self, count: int) -> Residuals:
        """Copies in a row, in O(log count) steps."""
        if count == 0:
            return Residuals()
        half = self.times(count // 2)
        both = half.then(half)
        return both.then(self) if count % 2 else both

    @staticmethod
    def joined(branches: Sequence[Residuals], output_bytes: int) -> Residuals:
        everything = Everything.joined([b.everything for b in branches], output_bytes)
        products = Products.joined([b.products for b in branches])
        return Residuals(everything, products, Fused.joined([b.fused for b in branches], output_bytes))
