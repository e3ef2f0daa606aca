"""Chips and programs by the streams of a seed."""

import numpy as np

from ...files.opening import check_seed
from ..chips import Design, Instance
from ..topologies import Topology

CHIP, PROGRAM = 0, 1
"""Streams of a seed: the chip and the program are drawn independently."""


def get_instance(design: Design, topology: Topology, seed: int, mismatch: bool = True) -> Instance:
    """The chip of this seed, or the nominal one.

    Raises:
        DesignError: no seed.
    """
    check_seed(seed)
    if not mismatch:
        return design.nominal(topology)
    return design.sample(topology, np.random.default_rng([seed, CHIP]), seed)
