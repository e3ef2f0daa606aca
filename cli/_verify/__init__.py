"""The fidelity table: each chip in SPICE, as symbols and as a model, and how far they may be apart."""

from ._faults import Fault as Fault
from ._faults import planted_faults as planted_faults
from ._faults import with_fault as with_fault
from ._run import Request as Request
from ._run import depth as depth
from ._run import opinions_wanted as opinions_wanted
from ._run import resume as resume
from ._run import run as run
from ._run import table as table
