"""What the chip is: design, topology, drawn instance, and its circuit as typed elements."""

from ..files import moved_names
from ._exceptions import CircuitError as CircuitError
from ._exceptions import DesignError as DesignError
from ._exceptions import ProgramError as ProgramError
from .chips import Design as Design
from .chips import Instance as Instance
from .chips import Instances as Instances
from .components import Amplifier as Amplifier
from .components import Converters as Converters
from .components import Corners as Corners
from .components import Drift as Drift
from .components import Mismatch as Mismatch
from .components import Programming as Programming
from .components import TemperatureCoefficients as TemperatureCoefficients
from .linear_circuits import LinearCircuit as LinearCircuit
from .linear_circuits import observed as observed
from .loaded_chips import choose_scaling as choose_scaling
from .loaded_chips import sparse_mesh as sparse_mesh
from .loaded_chips import stability_limit as stability_limit
from .networks import Network as Network
from .programs import Program as Program
from .programs import Scaling as Scaling
from .spice_files import read_netlist as read_netlist
from .state_spaces import state_space as state_space
from .topologies import LEVELS as LEVELS
from .topologies import TOPOLOGIES as TOPOLOGIES
from .topologies import Cascade as Cascade
from .topologies import Crossbar as Crossbar
from .topologies import DifferentialRCMesh as DifferentialRCMesh
from .topologies import Level as Level
from .topologies import RCMesh as RCMesh
from .topologies import RLCGrid as RLCGrid
from .topologies import Topology as Topology
from .topologies import make_topology as make_topology
from .trials import random_program as random_program

_MOVED = {
    "AMPLIFIER_TEMPCOS": "thermospice.circuits.components",
    "Answer": "thermospice.circuits.topologies",
    "BOLTZMANN": "thermospice.circuits.networks",
    "Capacitor": "thermospice.circuits.networks",
    "Converter": "thermospice.circuits.chips",
    "CurrentSource": "thermospice.circuits.networks",
    "Difference": "thermospice.circuits.networks",
    "Element": "thermospice.circuits.networks",
    "Equations": "thermospice.circuits.networks",
    "Factors": "thermospice.circuits.programs",
    "GROUND": "thermospice.circuits.networks",
    "Inductor": "thermospice.circuits.networks",
    "Inverter": "thermospice.circuits.networks",
    "Loaded": "thermospice.circuits.topologies",
    "LoadedChip": "thermospice.circuits.loaded_chips",
    "NodalEquations": "thermospice.circuits.networks",
    "NoiseCurrent": "thermospice.circuits.networks",
    "OpAmp": "thermospice.circuits.networks",
    "OpAmpModel": "thermospice.circuits.networks",
    "PER_DECADE": "thermospice.circuits.networks",
    "Parasitics": "thermospice.circuits.networks",
    "RelaxationLaw": "thermospice.circuits.loaded_chips",
    "Resistor": "thermospice.circuits.networks",
    "SETTLED": "thermospice.circuits.loaded_chips",
    "StateSpace": "thermospice.circuits.state_spaces",
    "StateSpaces": "thermospice.circuits.state_spaces",
    "Swing": "thermospice.circuits.loaded_chips",
    "TRANSCONDUCTANCE": "thermospice.circuits.networks",
    "Values": "thermospice.circuits.topologies",
    "VoltageSource": "thermospice.circuits.networks",
    "beyond_rails": "thermospice.circuits.loaded_chips",
    "chip_power": "thermospice.circuits.loaded_chips",
    "circuit_rates": "thermospice.circuits.loaded_chips",
    "converter": "thermospice.circuits.chips",
    "count_of_chips": "thermospice.circuits.loaded_chips",
    "equations": "thermospice.circuits.networks",
    "fitting_noise": "thermospice.circuits.loaded_chips",
    "flicker_band": "thermospice.circuits.networks",
    "laws_of_chips": "thermospice.circuits.loaded_chips",
    "leak_sites": "thermospice.circuits.networks",
    "link_voltages": "thermospice.circuits.state_spaces",
    "load": "thermospice.circuits.topologies",
    "loaded_chip": "thermospice.circuits.loaded_chips",
    "mirror": "thermospice.circuits.topologies",
    "nodal_equations": "thermospice.circuits.networks",
    "noise_swing": "thermospice.circuits.loaded_chips",
    "pole_values": "thermospice.circuits.networks",
    "possible_chips": "thermospice.circuits.loaded_chips",
    "program_rates": "thermospice.circuits.loaded_chips",
    "realised_eigenvalues": "thermospice.circuits.loaded_chips",
    "relaxation": "thermospice.circuits.state_spaces",
    "relaxations": "thermospice.circuits.networks",
    "settle_time": "thermospice.circuits.state_spaces",
    "stray_sites": "thermospice.circuits.networks",
    "terminals": "thermospice.circuits.networks",
    "with_cell_noise": "thermospice.circuits.loaded_chips",
    "with_gain_bandwidth": "thermospice.circuits.loaded_chips",
    "without_grid": "thermospice.circuits.loaded_chips",
}

__getattr__ = moved_names(__name__, _MOVED)
