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
    # of entries of matrices, whose units their parts say: V^2/Hz, V^2, V, or none
    "moments": "",
    "moment_sigma": "",
    "first": "",
    "second": "",
    "part": "",
    "band_low": "Hz",
    "band_high": "Hz",
}

_ENTRIES: Mapping[str, tuple[str, ...]] = {"first": ("entry",), "second": ("entry",), "part": ("entry",)}
"""Of which entry of which matrix: two cells, and a number of `PARTS`."""

VARIABLES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "op": {"v": ("cell",)},
    "tran": {"v": ("time", "cell"), "time": ("time",), "v0": ("cell",)},
    "ac": {"v_re": ("frequency", "cell"), "v_im": ("frequency", "cell"), "frequency": ("frequency",)},
    "noise": {"psd": ("frequency", "cell"), "covariance": ("cell", "cell_in"), "frequency": ("frequency",)},
    "cross": {"moments": ("frequency", "entry"), "frequency": ("frequency",), **_ENTRIES},
    "covariance": {
        "moments": ("band", "entry"),
        "moment_sigma": ("band", "entry"),
        "band_low": ("band",),
        "band_high": ("band",),
        **_ENTRIES,
    },
}

OPTIONAL = ("v0", "covariance")
"""Cells start at rest, and spectra over a limited band have no covariance."""

# What `simulate` makes, and what a bench may have besides: `cross` and `covariance`, of pairs of cells.
Analysis = Literal["op", "ac", "noise", "tran"]
ANALYSES: tuple[Analysis, ...] = get_args(Analysis)
