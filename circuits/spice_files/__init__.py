"""SPICE netlists of the user's own, read strictly into a network."""

from ._outputs import with_outputs as with_outputs
from ._read import CIRCUIT as CIRCUIT
from ._read import SpiceFile as SpiceFile
from ._read import parse_netlist as parse_netlist
from ._read import read_netlist as read_netlist
from ._read import read_spice_file as read_spice_file
