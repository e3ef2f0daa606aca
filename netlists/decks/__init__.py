"""From a job to the decks that a simulator is given."""

from ._build import UNSCALED as UNSCALED
from ._build import build as build
from ._build import initial_voltages as initial_voltages
from ._build import network_cards as network_cards
from ._build import to_pyspice as to_pyspice
from ._build import to_text as to_text
from ._job import Job as Job
from ._job import Settings as Settings
from ._many_decks import settling_decks as settling_decks
from ._plan import NOISE_RUNS_PER_PROCESS as NOISE_RUNS_PER_PROCESS
from ._plan import Plan as Plan
from ._plan import hierarchical_deck as hierarchical_deck
from ._plan import network_circuit as network_circuit
from ._plan import ngspice_seed as ngspice_seed
from ._plan import plan as plan
from ._plan import plan_job as plan_job
from ._transistor_level import chosen_amplifier as chosen_amplifier
from ._transistor_level import preamble as preamble
