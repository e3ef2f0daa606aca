"""SPICE netlists of the user's own, read strictly into a network."""

from ._library import AMPLIFIER as AMPLIFIER
from ._library import IDEAL as IDEAL
from ._library import IDEAL_GAIN as IDEAL_GAIN
from ._library import NOISE as NOISE
from ._library import NOISE_RESISTANCE as NOISE_RESISTANCE
from ._library import UNIT_NOISE as UNIT_NOISE
from ._library import Known as Known
from ._outputs import with_outputs as with_outputs
from ._read import CIRCUIT as CIRCUIT
from ._read import SpiceFile as SpiceFile
from ._read import netlist_text as netlist_text
from ._read import parse_netlist as parse_netlist
from ._read import read_netlist as read_netlist
from ._read import read_spice_file as read_spice_file
