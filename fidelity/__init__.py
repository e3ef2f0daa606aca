"""Does the model say what SPICE says? The table of every comparison with its limit."""

from typing import TYPE_CHECKING

from ..files import lazy_names
from ._exceptions import CaseError as CaseError

if TYPE_CHECKING:
    from . import _held_out as held_out
    from ._case import Case as Case
    from ._case import Depth as Depth
    from ._cases import cases as cases
    from ._cases import device_cases as device_cases
    from ._checks import CHECKS as CHECKS
    from ._checks import FidelityCheck as FidelityCheck
    from ._held_out import HeldOutRow as HeldOutRow
    from ._in_the_loop import loop_parameters as loop_parameters
    from ._in_the_loop import loop_row as loop_row
    from ._in_the_loop import train_in_the_loop as train_in_the_loop
    from ._one_chip import loaded_program as loaded_program
    from ._one_chip import one_chip_rows as one_chip_rows
    from ._one_chip import settled_answers as settled_answers
    from ._one_chip import waveforms as waveforms
    from ._own_circuit import CircuitCase as CircuitCase
    from ._table import Done as Done
    from ._table import opinions_wanted as opinions_wanted
    from ._table import verify as verify
    from .subjects import Row as Row

__all__ = [
    "CHECKS",
    "Case",
    "CaseError",
    "CircuitCase",
    "FidelityCheck",
    "Depth",
    "Done",
    "HeldOutRow",
    "Row",
    "cases",
    "device_cases",
    "held_out",
    "loaded_program",
    "loop_parameters",
    "loop_row",
    "one_chip_rows",
    "opinions_wanted",
    "settled_answers",
    "train_in_the_loop",
    "verify",
    "waveforms",
]

_MODULES = ("held_out",)
_HOMES = {
    "CHECKS": "_checks",
    "Case": "_case",
    "CircuitCase": "_own_circuit",
    "FidelityCheck": "_checks",
    "Depth": "_case",
    "Done": "_table",
    "HeldOutRow": "_held_out",
    "Row": "subjects._row",
    "cases": "_cases",
    "device_cases": "_cases",
    "loaded_program": "_one_chip",
    "loop_parameters": "_in_the_loop",
    "loop_row": "_in_the_loop",
    "one_chip_rows": "_one_chip",
    "opinions_wanted": "_table",
    "settled_answers": "_one_chip",
    "train_in_the_loop": "_in_the_loop",
    "verify": "_table",
    "waveforms": "_one_chip",
}

# Together they take seconds to load.
__getattr__ = lazy_names(__name__, _HOMES, _MODULES)
