"""What is shown and written of a circuit of one's own."""

from typing import TYPE_CHECKING

from ...files import lazy_names

if TYPE_CHECKING:
    from . import _circuit_calibration as circuit_calibration
    from . import _circuit_export as circuit_export
    from . import _circuit_lab as circuit_lab
    from . import _own_circuit as own_circuit
    from . import _trusted_netlist as trusted_netlist

__all__ = ["circuit_calibration", "circuit_export", "circuit_lab", "own_circuit", "trusted_netlist"]

# Together they take seconds to load.
__getattr__ = lazy_names(__name__, {}, __all__)
