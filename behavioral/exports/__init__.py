"""A chip as numbers and a script that needs numpy and scipy alone."""

from ._numpy_chip import NumpyChip as NumpyChip
from ._numpy_chip import numpy_chip as numpy_chip
from ._numpy_circuit import numpy_circuit as numpy_circuit
