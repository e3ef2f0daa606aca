"""Figures and the HTML report: reads result folders, writes one file that a person can read."""

from ._data import Folder as Folder
from ._report import build_report as build_report
