"""Hypothesis strategies over networks and texts, for tests of archlang and of layers that users write. Needs `hypothesis`."""

from archlang.testing.mutations import mutations as mutations
from archlang.testing.networks import Sizes as Sizes
from archlang.testing.networks import networks as networks
from archlang.testing.texts import Text as Text
from archlang.testing.texts import texts as texts
