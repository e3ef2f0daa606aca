"""What the digital side loads."""

from ._program import Factors as Factors
from ._program import Program as Program
from ._scaling import UNSCALED as UNSCALED
from ._scaling import Scaling as Scaling
