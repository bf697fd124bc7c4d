"""GPUs as data: their memory, what XLA must know of one to compile for it, there or not, and how fast they are."""

from __future__ import annotations

from archlang.targets.find import find_gpu as find_gpu
from archlang.targets.find import find_target as find_target
from archlang.targets.gpu import FIGURES as FIGURES
from archlang.targets.gpu import Chip as Chip
from archlang.targets.gpu import Gpu as Gpu
from archlang.targets.gpu import Speed as Speed
from archlang.targets.table import GPUS as GPUS
from archlang.targets.table import REFERENCE as REFERENCE
from archlang.targets.xla import description as description
