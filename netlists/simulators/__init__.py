"""Ngspice and VACASK as processes, and what they leave."""

from . import _analyses as analyses
from ._analyses import DEFAULT_TOLERANCE as DEFAULT_TOLERANCE
from ._analyses import Deck as Deck
from ._analyses import Tolerance as Tolerance
from ._analyses import integrate as integrate
from ._analyses import op_deck as op_deck
from ._analyses import options as options
from ._analyses import saving_also as saving_also
from ._analyses import tran_deck as tran_deck
from ._ngspice import Ngspice as Ngspice
from ._ngspice import Run as Run
from ._ngspice import find_ngspice as find_ngspice
from ._ngspice import run_deck as run_deck
from ._private_folder import private_folder as private_folder
from ._process import Cancellation as Cancellation
from ._process import Limits as Limits
from ._process import run_process as run_process
from ._process import tail as tail
from ._proof import proven_ngspice as proven_ngspice
from ._raw_file import Plot as Plot
from ._raw_file import read_raw as read_raw
from ._side_by_side import side_by_side as side_by_side
from ._vacask import MODELS_FILE as MODELS_FILE
from ._vacask import Sheet as Sheet
from ._vacask import Vacask as Vacask
from ._vacask import Wanted as Wanted
from ._vacask import find_vacask as find_vacask
from ._vacask import run_sheet as run_sheet
from ._verdict import Expected as Expected
from ._verdict import judge as judge
from ._verdict import remarks as remarks
from ._versions import own_version as own_version
from ._versions import versions as versions

__all__ = [
    "Cancellation",
    "DEFAULT_TOLERANCE",
    "Deck",
    "Expected",
    "Limits",
    "MODELS_FILE",
    "Ngspice",
    "Plot",
    "Run",
    "Sheet",
    "Tolerance",
    "Vacask",
    "Wanted",
    "analyses",
    "find_ngspice",
    "find_vacask",
    "integrate",
    "judge",
    "op_deck",
    "options",
    "own_version",
    "private_folder",
    "proven_ngspice",
    "read_raw",
    "remarks",
    "run_deck",
    "run_process",
    "run_sheet",
    "saving_also",
    "side_by_side",
    "tail",
    "tran_deck",
    "versions",
]
