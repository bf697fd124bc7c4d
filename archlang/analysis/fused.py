"""What XLA keeps outside of loops: what is in memory anyway, and the rest is computed again where it is needed.

XLA fuses what lies between two matrix products into what uses it, in the forward pass and again in the backward pass. In memory
are the outputs of products and of loops, and what a product takes; only these can be kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Fused:
    """A piece of network with one input and one output; bytes of one row.

    `pending`: what is in memory at the end and is kept where the next piece computes something again from it; `fresh`: the
    output, where it is not one of those: it comes into memory where a product takes it.
    """

    kept: int = 0
    pending: int = 0
    fresh: int = 0
    needs_input: bool = False  # something is computed again from the input
    takes_input: bool = False  # a product takes the input, and its gradient needs it
    through: bool = True  # the output depends on the input otherwise than through a product or a loop
    is_input: bool = False  # the output is the input itself

    def then(self, next: Fused) -> Fused:
        """This piece, then the next on its output."""
        if self.is_input or next.is_input:
            return self if next.is_input else next
        needed = next.needs_input or (next.takes_input and not self.fresh)
        kept = self.kept + self.pending * needed + self.fresh * next.takes_input + next.kept
        pending = next.pending + self.pending * (next.through and not needed)
        needs_input = self.needs_input or (self.through and next.needs_input)
        return Fused(kept, pending, next.fresh, needs_input, self.takes_input, self.through and next.through)

    @staticmethod
    def joined(branches: Sequence[Fused], output_bytes: int) -> Fused:
        """Pieces on one input whose outputs are summed or put side by side."""
        kept, pending = sum(b.kept for b in branches), sum(b.pending for b in branches)
        needs, takes = any(b.needs_input for b in branches), any(b.takes_input for b in branches)
        return Fused(kept, pending, output_bytes, needs, takes, any(b.through for b in branches))
