"""What a command will take, said before it begins."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._announced import announce as announce
    from ._calibration import calibration_forecast as calibration_forecast
    from ._calibration import chips_forecast as chips_forecast
    from ._calibration import fit_forecast_of as fit_forecast_of
    from ._fidelity import fidelity_forecast as fidelity_forecast
    from ._linear_algebra import linear_algebra_forecast as linear_algebra_forecast

_HOMES = {
    "announce": "_announced",
    "calibration_forecast": "_calibration",
    "chips_forecast": "_calibration",
    "fit_forecast_of": "_calibration",
    "fidelity_forecast": "_fidelity",
    "linear_algebra_forecast": "_linear_algebra",
}

__all__ = [
    "announce",
    "calibration_forecast",
    "chips_forecast",
    "fidelity_forecast",
    "fit_forecast_of",
    "linear_algebra_forecast",
]


def __getattr__(name: str) -> Any:
    """Loaded when it is asked for: together they take seconds."""
    from importlib import import_module

    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
