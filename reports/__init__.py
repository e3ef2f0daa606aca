"""Figures and the HTML report: reads result folders, writes one file that a person can read."""

from . import _figures as figures
from ._data import Folder as Folder
from ._data import HeldOut as HeldOut
from ._data import Parameter as Parameter
from ._data import ReportError as ReportError
from ._report import build_report as build_report
from ._theme import png as png

__all__ = ["Folder", "HeldOut", "Parameter", "ReportError", "build_report", "figures", "png"]
