"""The fidelity table: each chip in SPICE, as symbols and as a model, and how far they may be apart."""

from ._run import Request as Request
from ._run import depth as depth
from ._run import opinions_wanted as opinions_wanted
from ._run import resume as resume
from ._run import run as run
from ._run import table as table
