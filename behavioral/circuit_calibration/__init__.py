"""Elements of a circuit of one's own, inferred from measurements of it."""

from ._experiments import Experiment as Experiment
from ._experiments import further_experiments as further_experiments
from ._fit import CircuitCalibration as CircuitCalibration
from ._fit import calibrate_circuit as calibrate_circuit
from ._model import CircuitModel as CircuitModel
from ._model import holds_circuit_model as holds_circuit_model
from ._readout import READOUTS as READOUTS
from ._readout import check_readouts as check_readouts
from ._records import CircuitRecord as CircuitRecord
from ._records import circuit_record as circuit_record
from ._terms import Term as Term
from ._terms import term_of as term_of
