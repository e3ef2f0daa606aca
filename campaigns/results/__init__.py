"""Tables and statistics."""

from . import _statistics as statistics
from ._characteristics import Characteristic as Characteristic
from ._characteristics import characteristics as characteristics
from ._characteristics import condition_of as condition_of
from ._characteristics import write_characteristics as write_characteristics
from ._curves import gather as gather
from ._differences import paired_differences as paired_differences
from ._explained import deviations_behind as deviations_behind
from ._junit import write_junit as write_junit
from ._reference import unfinished as unfinished
from ._reference import with_ratios as with_ratios
from ._specification import specification as specification
from ._specification import write_specification as write_specification
from ._table import dataset as dataset
from ._table import engines as engines
from ._table import write_dataset as write_dataset
from ._table import write_table as write_table
from ._worst import worst_runs as worst_runs

__all__ = [
    "Characteristic",
    "characteristics",
    "condition_of",
    "dataset",
    "deviations_behind",
    "engines",
    "gather",
    "paired_differences",
    "specification",
    "statistics",
    "unfinished",
    "with_ratios",
    "worst_runs",
    "write_characteristics",
    "write_dataset",
    "write_junit",
    "write_specification",
    "write_table",
]
