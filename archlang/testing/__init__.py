"""Hypothesis strategies over networks, for the tests of archlang and of layers that users write. Needs `hypothesis`."""

from archlang.testing.networks import Sizes as Sizes
from archlang.testing.networks import networks as networks
