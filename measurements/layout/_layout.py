"""Names, dimensions and units, for writer and reader."""

from collections.abc import Mapping
from typing import Literal, get_args

# The layout of measurements that this room writes, and the only one that it reads. Data without the attribute
# `schema` are taken as of this layout: those of a bench, and those that were written before the attribute was.
SCHEMA = 1

UNITS = {
    "A": "",
    "b": "V",
    "J": "",
    "H": "",
    "damping": "",
    "v": "V",
    "v0": "V",
    "v_re": "V",
    "v_im": "V",
    "time": "s",
    "frequency": "Hz",
    "psd": "V^2/Hz",
    "covariance": "V^2",
}

VARIABLES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "op": {"v": ("cell",)},
    "tran": {"v": ("time", "cell"), "time": ("time",), "v0": ("cell",)},
    "ac": {"v_re": ("frequency", "cell"), "v_im": ("frequency", "cell"), "frequency": ("frequency",)},
    "noise": {"psd": ("frequency", "cell"), "covariance": ("cell", "cell_in"), "frequency": ("frequency",)},
}

OPTIONAL = ("v0", "covariance")
"""Cells start at rest, and spectra over a limited band have no covariance."""

Analysis = Literal["op", "ac", "noise", "tran"]
ANALYSES: tuple[Analysis, ...] = get_args(Analysis)
