"""The fidelity table: each chip in SPICE, as symbols and as a model, and how far they may be apart."""

from typing import TYPE_CHECKING, Any

from ._cases import Case as Case
from ._cases import Depth as Depth
from ._cases import cases as cases
from ._cases import device_cases as device_cases
from ._faults import Fault as Fault
from ._faults import planted_faults as planted_faults
from ._faults import with_fault as with_fault
from ._one_chip import loaded_program as loaded_program
from ._one_chip import one_chip_rows as one_chip_rows
from ._one_chip import settled_answers as settled_answers
from ._one_chip import waveforms as waveforms
from ._row import Row as Row
from ._table import Done as Done
from ._table import opinions_wanted as opinions_wanted
from ._table import verify as verify

if TYPE_CHECKING:
    from ._in_the_loop import loop_parameters as loop_parameters
    from ._in_the_loop import loop_row as loop_row
    from ._in_the_loop import train_in_the_loop as train_in_the_loop


def __getattr__(name: str) -> Any:
    """What trains is loaded when it is asked for: torch takes seconds."""
    if name in ("loop_parameters", "loop_row", "train_in_the_loop"):
        from . import _in_the_loop

        return getattr(_in_the_loop, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
