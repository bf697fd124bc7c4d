"""Strategy for networks whose parts repeat, written out."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from archlang import ir
from archlang.infer import output_type
from archlang.passes.canonicalize import canonicalize
from archlang.testing import Sizes, networks
from archlang.types import Type


@st.composite
def written_out(draw: Any, sizes: Sizes) -> tuple[ir.Network, int]:
    """Networks whose bodies repeat, written out: each a row of a few pieces that keep the width, behind what comes first."""
    network, width = draw(networks(sizes, depth=2))
    x = Type.of_input(width)
    dense = ir.Layer(name="dense", arguments=(("features", width),))
    drawn = network.body if output_type(network.body, x) == x else ir.Sequence(items=(network.body, dense))
    pieces = [drawn, dense, ir.Layer(name="ln"), ir.Layer(name="swish"), stack_of(drawn), stack_of(dense, "full")]
    first = draw(st.sampled_from([(), (ir.Layer(name="crelu"), dense), (ir.Layer(name="rms"),)]))
    row = draw(st.lists(st.sampled_from(pieces), min_size=1, max_size=3)) * draw(st.integers(1, 3))
    row += draw(st.lists(st.sampled_from(pieces), max_size=3))
    return ir.Network(name="network", body=canonicalize(ir.Sequence(items=(*first, *row)))), width


def stack_of(body: ir.Expression, remat: Any = None) -> ir.Repeat:
    return ir.Repeat(body=body, count=2, stacked=True, remat=remat)
