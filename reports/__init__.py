"""Figures and the page: reads result folders, imports only `files`."""

from ._exceptions import ReportError as ReportError
from ._report import build_report as build_report
from .figures import png as png
from .results import FittedParameter as FittedParameter
from .results import Folder as Folder
from .results import HeldOut as HeldOut


def __getattr__(name: str) -> object:
    """A name that has changed, handed on for one release."""
    if name != "Parameter":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import warnings

    warnings.warn(f"{__name__}.Parameter is called FittedParameter", DeprecationWarning, stacklevel=2)
    return FittedParameter
