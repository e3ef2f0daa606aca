"""Waveforms as circuit simulators write them."""

from ._any_raw_file import read_any_raw as read_any_raw
from ._raw_file import Plot as Plot
from ._raw_file import read_raw as read_raw
