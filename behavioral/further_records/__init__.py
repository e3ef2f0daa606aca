"""Which further record of a chip would tell what its calibration leaves open."""

from ._chip_records import MOST_CELLS as MOST_CELLS
from ._chip_records import Advice as Advice
from ._chip_records import further_records as further_records
