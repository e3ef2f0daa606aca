"""Figures of a circuit of one's own: the simulator as wide lines, the model as thin ones on top."""

# First of all: matplotlib is loaded where no settings of the current folder can speak to it.
from ..figures import matplotlib as matplotlib  # isort: skip

from ._contributors import contributors as contributors
from ._pairs import densities as densities
from ._pairs import responses as responses
from ._pairs import settled as settled
from ._pairs import transients as transients
