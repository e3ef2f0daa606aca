"""One command a file."""

from . import calibrate as calibrate
from . import designs as designs
from . import export as export
from . import fetch as fetch
from . import report as report
from . import run as run
from . import simulate as simulate
from . import solve as solve
from . import sweep as sweep
from . import symbolic as symbolic
from . import train as train
from . import verify as verify

__all__ = [
    "calibrate",
    "designs",
    "export",
    "fetch",
    "report",
    "run",
    "simulate",
    "solve",
    "sweep",
    "symbolic",
    "train",
    "verify",
]
