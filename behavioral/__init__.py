"""The same chip as an exact stochastic process."""

from ..files import moved_names
from ..measurements import MeasurementError as MeasurementError
from ..measurements import digitise as digitise
from ..measurements import read_measurement as read_measurement
from ._exceptions import ClippedError as ClippedError
from ._exceptions import DeviceModelError as DeviceModelError
from ._exceptions import LinearAlgebraError as LinearAlgebraError
from ._exceptions import NotStationaryError as NotStationaryError
from ._exceptions import ProblemError as ProblemError
from .calibration import Calibration as Calibration
from .calibration import calibrate as calibrate
from .comparison import Comparison as Comparison
from .comparison import compare as compare
from .comparison import recalibration_times as recalibration_times
from .comparison import track_drift as track_drift
from .devices import Correction as Correction
from .devices import DeviceBatch as DeviceBatch
from .devices import DeviceModel as DeviceModel
from .devices import Effects as Effects
from .devices import Estimate as Estimate
from .devices import Provenance as Provenance
from .devices import Response as Response
from .populations import Population as Population
from .populations import PopulationModel as PopulationModel
from .populations import load_device as load_device
from .processes import CircuitProcess as CircuitProcess
from .processes import FlickerNoise as FlickerNoise
from .processes import LowRankOrnsteinUhlenbeck as LowRankOrnsteinUhlenbeck
from .processes import OrnsteinUhlenbeck as OrnsteinUhlenbeck
from .propagation import LinearProcess as LinearProcess

_MOVED = {
    "Answer": "thermospice.behavioral.linear_algebra",
    "BatchResponse": "thermospice.behavioral.devices",
    "Budget": "thermospice.behavioral.linear_algebra",
    "Check": "thermospice.behavioral.devices",
    "Combination": "thermospice.behavioral.calibration",
    "DriftEstimate": "thermospice.behavioral.comparison",
    "Electronics": "thermospice.behavioral.populations",
    "Gaussian": "thermospice.behavioral.propagation",
    "Gradient": "thermospice.behavioral.propagation",
    "IdealDevice": "thermospice.behavioral.linear_algebra",
    "LinearDevice": "thermospice.behavioral.linear_algebra",
    "LoadedDevice": "thermospice.behavioral.linear_algebra",
    "Measurement": "thermospice.measurements",
    "ModelDevice": "thermospice.behavioral.linear_algebra",
    "NUISANCES": "thermospice.behavioral.calibration",
    "NoiseSources": "thermospice.behavioral.populations",
    "Posterior": "thermospice.behavioral.devices",
    "Prepared": "thermospice.behavioral.devices",
    "Saturation": "thermospice.behavioral.processes",
    "Spread": "thermospice.behavioral.populations",
    "TRANSISTOR_BAND": "thermospice.behavioral.calibration",
    "Verdict": "thermospice.behavioral.devices",
    "check_nuisances": "thermospice.behavioral.calibration",
    "determinant": "thermospice.behavioral.linear_algebra",
    "drift_error": "thermospice.behavioral.comparison",
    "expm": "thermospice.behavioral.linear_algebra",
    "integrate": "thermospice.behavioral.processes",
    "inverse": "thermospice.behavioral.linear_algebra",
    "judge_held_out": "thermospice.behavioral.calibration",
    "log_determinant": "thermospice.behavioral.linear_algebra",
    "lyapunov": "thermospice.behavioral.linear_algebra",
    "solve": "thermospice.behavioral.linear_algebra",
    "with_coloured_noise": "thermospice.behavioral.processes",
}

__getattr__ = moved_names(__name__, _MOVED)
