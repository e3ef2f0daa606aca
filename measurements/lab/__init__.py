"""Files of a laboratory, and what they do not say."""

from ._circuit_records import CircuitLabData as CircuitLabData
from ._circuit_records import CircuitMeasurement as CircuitMeasurement
from ._circuit_records import read_circuit_lab as read_circuit_lab
from ._circuit_records import with_levels as with_levels
from ._description import NAME as NAME
from ._description import Lab as Lab
from ._description import LabFacts as LabFacts
from ._description import RecordFacts as RecordFacts
from ._description import found_beside as found_beside
from ._records import LabData as LabData
from ._records import read_lab as read_lab
