"""Figures and the HTML report: reads result folders, writes one file that a person can read."""

from . import _matplotlib as _matplotlib  # isort: skip  # first: it decides where matplotlib's settings come from
from . import _figures as figures
from ._data import Folder as Folder
from ._data import HeldOut as HeldOut
from ._data import Parameter as Parameter
from ._data import ReportError as ReportError
from ._matplotlib import Axes as Axes
from ._matplotlib import AxesImage as AxesImage
from ._matplotlib import Figure as Figure
from ._report import build_report as build_report
from ._theme import png as png

__all__ = [
    "Axes",
    "AxesImage",
    "Figure",
    "Folder",
    "HeldOut",
    "Parameter",
    "ReportError",
    "build_report",
    "figures",
    "png",
]
