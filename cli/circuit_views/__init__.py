"""What is shown and written of a circuit of one's own."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import _circuit_calibration as circuit_calibration
    from . import _circuit_export as circuit_export
    from . import _circuit_files as circuit_files
    from . import _circuit_lab as circuit_lab
    from . import _own_circuit as own_circuit
    from . import _trusted_netlist as trusted_netlist

__all__ = ["circuit_calibration", "circuit_export", "circuit_files", "circuit_lab", "own_circuit", "trusted_netlist"]


def __getattr__(name: str) -> Any:
    """Loaded when it is asked for: together they take seconds."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return import_module(f"._{name}", __name__)
