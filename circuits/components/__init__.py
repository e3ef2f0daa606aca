"""Data sheets of a design's parts."""

from ._amplifier import AMPLIFIER_TEMPCOS as AMPLIFIER_TEMPCOS
from ._amplifier import Amplifier as Amplifier
from ._amplifier import TemperatureCoefficients as TemperatureCoefficients
from ._amplifier_circuit import AmplifierCircuit as AmplifierCircuit
from ._parts import Converters as Converters
from ._parts import Corners as Corners
from ._parts import Drift as Drift
from ._parts import Mismatch as Mismatch
from ._parts import NonNegative as NonNegative
from ._parts import Part as Part
from ._parts import Positive as Positive
from ._parts import Programming as Programming
from ._parts import Tolerances as Tolerances
