"""Elements of a circuit of one's own, inferred from measurements of it."""

from ._fit import CircuitCalibration as CircuitCalibration
from ._fit import calibrate_circuit as calibrate_circuit
from ._records import CircuitRecord as CircuitRecord
from ._records import circuit_record as circuit_record
