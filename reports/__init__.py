"""Figures and the page: reads result folders, imports only `files`."""

from ._exceptions import ReportError as ReportError
from ._report import build_report as build_report
from .figures import png as png
from .results import Folder as Folder
from .results import HeldOut as HeldOut
from .results import Parameter as Parameter
