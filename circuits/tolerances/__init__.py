"""How far the elements of a circuit are from their values, and what a good circuit keeps."""

from ._specification import BoundSettings as BoundSettings
from ._specification import CircuitSpecification as CircuitSpecification
from ._specification import load_specification as load_specification
from ._specification import parse_specification as parse_specification
from ._tolerance import Tolerance as Tolerance
from ._tolerance import Tolerances as Tolerances
