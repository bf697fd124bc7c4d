"""IR → a Flax file that gives the same outputs without archlang. Text is written here: nothing imports jax."""

from archlang.eject.file import flax_source as flax_source
