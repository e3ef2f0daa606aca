"""A network as SPICE lines."""

from ._card import SUPPLY_PREFIX as SUPPLY_PREFIX
from ._card import Card as Card
from ._card import NoiseForm as NoiseForm
from ._card import number as number
from ._card import positive as positive
from ._element_cards import SpiceWriter as SpiceWriter
from ._element_cards import cards as cards
from ._hierarchy import hierarchy as hierarchy
from ._noise import NGSPICE_BOLTZMANN as NGSPICE_BOLTZMANN
from ._noise import Noise as Noise
from ._plain_names import plainly_named as plainly_named
from ._walk import CLAMP_CONDUCTANCE as CLAMP_CONDUCTANCE
from ._walk import Ends as Ends
from ._walk import Source as Source
from ._walk import SourceKind as SourceKind
from ._walk import cell_voltage as cell_voltage
from ._walk import input_source as input_source
from ._walk import model_numbers as model_numbers
from ._walk import pieces as pieces
from ._walk import starting_nodes as starting_nodes
from ._walk import starting_voltage as starting_voltage
