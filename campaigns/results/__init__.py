"""Tables and statistics."""

from . import _statistics as statistics
from ._curves import gather as gather
from ._reference import unfinished as unfinished
from ._reference import with_ratios as with_ratios
from ._specification import specification as specification
from ._specification import write_specification as write_specification
from ._table import dataset as dataset
from ._table import engines as engines
from ._table import write_dataset as write_dataset
from ._table import write_table as write_table

__all__ = [
    "dataset",
    "engines",
    "gather",
    "specification",
    "statistics",
    "unfinished",
    "with_ratios",
    "write_dataset",
    "write_specification",
    "write_table",
]
