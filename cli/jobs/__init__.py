"""What commands do once their options are read."""

from typing import TYPE_CHECKING

from ...files import lazy_names
from ._own_circuits import CircuitOptions as CircuitOptions
from ._own_circuits import SimulationOptions as SimulationOptions
from ._own_circuits import calibrate_own as calibrate_own
from ._own_circuits import export_own as export_own
from ._own_circuits import own_circuit as own_circuit
from ._own_circuits import records_of_a_circuit as records_of_a_circuit
from ._own_circuits import simulate_own as simulate_own
from ._own_circuits import symbolic_own as symbolic_own
from ._own_circuits import verify_own as verify_own

if TYPE_CHECKING:
    from . import _calibration as calibration
    from . import _circuit_lab as circuit_lab
    from ._campaign import perform_campaign as perform_campaign

__all__ = [
    "CircuitOptions",
    "SimulationOptions",
    "calibrate_own",
    "calibration",
    "circuit_lab",
    "export_own",
    "own_circuit",
    "perform_campaign",
    "records_of_a_circuit",
    "simulate_own",
    "symbolic_own",
    "verify_own",
]

# Together they take seconds to load.
__getattr__ = lazy_names(__name__, {"perform_campaign": "_campaign"}, ("calibration", "circuit_lab"))
