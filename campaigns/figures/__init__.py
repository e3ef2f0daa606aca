"""Pictures of a study."""

# First of all: matplotlib is loaded where no settings of the current folder can speak to it.
from ...reports.figures import matplotlib as matplotlib  # isort: skip
from ._draw import designs_picture as designs_picture
from ._draw import draw as draw
from ._draw import sensitivity_picture as sensitivity_picture
from ._specification_map import draw_specification as draw_specification
