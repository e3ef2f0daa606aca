"""A chip as a SPICE circuit, run in ngspice, measured as labelled arrays."""

from ._analyses import integrate as integrate
from ._build import build as build
from ._cards import NoiseForm as NoiseForm
from ._engine import Limits as Limits
from ._engine import Ngspice as Ngspice
from ._engine import find_ngspice as find_ngspice
from ._engine import run_deck as run_deck
from ._errors import MeasurementError as MeasurementError
from ._errors import NetlistError as NetlistError
from ._errors import SimulationFailed as SimulationFailed
from ._errors import SimulatorError as SimulatorError
from ._errors import SimulatorMissing as SimulatorMissing
from ._measurement import load_measurement as load_measurement
from ._measurement import save_measurement as save_measurement
from ._raw import Plot as Plot
from ._raw import read_raw as read_raw
from ._simulate import ANALYSES as ANALYSES
from ._simulate import Analysis as Analysis
from ._simulate import Job as Job
from ._simulate import deck as deck
from ._simulate import simulate as simulate
from ._simulate import simulate_many as simulate_many
from ._timing import held_noise_covariance as held_noise_covariance
