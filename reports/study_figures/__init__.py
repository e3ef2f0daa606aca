"""Pictures of a study drawn again from its table, for a page whose figures move."""

# First of all: matplotlib is loaded where no settings of the current folder can speak to it.
from ..figures import matplotlib as matplotlib  # isort: skip

from ._redrawn import redrawn as redrawn
