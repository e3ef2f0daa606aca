"""Figures and the page: reads result folders, imports only `files`."""

from typing import TYPE_CHECKING, Any

from ._exceptions import ReportError as ReportError

if TYPE_CHECKING:
    from ._report import build_report as build_report
    from .figures import png as png
    from .results import FittedParameter as FittedParameter
    from .results import Folder as Folder
    from .results import HeldOut as HeldOut

__all__ = ["FittedParameter", "Folder", "HeldOut", "ReportError", "build_report", "png"]

_HOMES = {
    "FittedParameter": ".results",
    "Folder": ".results",
    "HeldOut": ".results",
    "build_report": "._report",
    "png": ".figures",
}
_RENAMED = {"Parameter": "FittedParameter"}


def __getattr__(name: str) -> Any:
    """Loaded when it is asked for: the page takes much that a figure does without. An old name for one release."""
    from importlib import import_module

    if name in _RENAMED:
        import warnings

        warnings.warn(f"{__name__}.{name} is called {_RENAMED[name]}", DeprecationWarning, stacklevel=2)
        name = _RENAMED[name]
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
