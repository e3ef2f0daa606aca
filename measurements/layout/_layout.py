"""Names, dimensions and units, for writer and reader."""

from collections.abc import Mapping
from typing import Literal, get_args

SCHEMA = 1
"""Layout of measurements that this room reads; data without the attribute `schema` are taken as of this layout."""

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
