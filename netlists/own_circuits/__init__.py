"""Circuits of one's own in ngspice."""

from ._simulate_circuit import CircuitRequest as CircuitRequest
from ._simulate_circuit import CircuitResult as CircuitResult
from ._simulate_circuit import simulate_circuit as simulate_circuit
from ._simulate_circuit import trusted_circuit as trusted_circuit
from ._stimulus import chosen_input as chosen_input
from ._stimulus import driven_by as driven_by
from ._stimulus import source_names as source_names
from ._stimulus import unit_notice as unit_notice
from ._trusted_deck import TrustedResult as TrustedResult
from ._trusted_deck import run_trusted as run_trusted
