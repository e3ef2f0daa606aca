"""Figures and the page: reads result folders, imports only `files`."""

from typing import TYPE_CHECKING, Any

from ._exceptions import ReportError as ReportError

if TYPE_CHECKING:
    from ._report import build_report as build_report
    from .figures import png as png
    from .results import Folder as Folder
    from .results import HeldOut as HeldOut
    from .results import Parameter as Parameter

__all__ = ["Folder", "HeldOut", "Parameter", "ReportError", "build_report", "png"]

_HOMES = {
    "Folder": ".results",
    "HeldOut": ".results",
    "Parameter": ".results",
    "build_report": "._report",
    "png": ".figures",
}


def __getattr__(name: str) -> Any:
    """Loaded when it is asked for: the page takes much that a figure does without."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
