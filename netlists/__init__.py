"""A chip as a SPICE circuit, run in ngspice, measured."""

from ..files import moved_names
from ..measurements import MeasurementError as MeasurementError
from ..measurements import load_measurement as load_measurement
from ..measurements import save_measurement as save_measurement
from ._exceptions import NetlistError as NetlistError
from ._exceptions import NoPlaceToRun as NoPlaceToRun
from ._exceptions import SimulationFailed as SimulationFailed
from ._exceptions import SimulatorError as SimulatorError
from ._exceptions import SimulatorMissing as SimulatorMissing
from .decks import Job as Job
from .decks import build as build
from .own_circuits import CircuitRequest as CircuitRequest
from .own_circuits import CircuitResult as CircuitResult
from .own_circuits import simulate_circuit as simulate_circuit
from .runs import SpiceDevice as SpiceDevice
from .runs import deck as deck
from .runs import designers_deck as designers_deck
from .runs import measure_for_calibration as measure_for_calibration
from .runs import operating_power as operating_power
from .runs import simulate as simulate
from .runs import simulate_many as simulate_many
from .runs import simulate_network as simulate_network
from .simulators import find_ngspice as find_ngspice
from .vacask import second_opinion as second_opinion

_MOVED = {
    "AGREEMENT": "thermospice.netlists.runs",
    "ANALYSES": "thermospice.measurements",
    "Agreement": "thermospice.netlists.runs",
    "AmplifierCircuit": "thermospice.netlists.amplifiers",
    "AmplifierSubcircuit": "thermospice.netlists.amplifiers",
    "Analysis": "thermospice.measurements",
    "Characterisation": "thermospice.netlists.amplifiers",
    "Deviation": "thermospice.netlists.amplifiers",
    "FoldedCascode": "thermospice.netlists.amplifiers",
    "GENERIC_180NM": "thermospice.netlists.amplifiers",
    "Judge": "thermospice.netlists.runs",
    "Limits": "thermospice.netlists.simulators",
    "Load": "thermospice.netlists.amplifiers",
    "MosModel": "thermospice.netlists.amplifiers",
    "Ngspice": "thermospice.netlists.simulators",
    "NoiseForm": "thermospice.netlists.cards",
    "OperatingPower": "thermospice.netlists.runs",
    "Plot": "thermospice.netlists.simulators",
    "Process": "thermospice.netlists.amplifiers",
    "Transistor": "thermospice.netlists.amplifiers",
    "TwoStage": "thermospice.netlists.amplifiers",
    "UserAmplifier": "thermospice.netlists.amplifiers",
    "Vacask": "thermospice.netlists.simulators",
    "characterise": "thermospice.netlists.amplifiers",
    "extract_macro_model": "thermospice.netlists.amplifiers",
    "extract_temperature_coefficients": "thermospice.netlists.amplifiers",
    "faults_of": "thermospice.netlists.runs",
    "find_vacask": "thermospice.netlists.simulators",
    "held_noise_covariance": "thermospice.netlists.timing",
    "integrate": "thermospice.netlists.simulators",
    "macro_response": "thermospice.netlists.amplifiers",
    "network_circuit": "thermospice.netlists.decks",
    "private_folder": "thermospice.netlists.simulators",
    "proven_ngspice": "thermospice.netlists.simulators",
    "read_raw": "thermospice.netlists.simulators",
    "run_deck": "thermospice.netlists.simulators",
    "sample_offsets": "thermospice.netlists.amplifiers",
    "settle_together": "thermospice.netlists.runs",
    "trusted": "thermospice.netlists.runs",
    "user_amplifier": "thermospice.netlists.amplifiers",
}

__getattr__ = moved_names(__name__, _MOVED)
