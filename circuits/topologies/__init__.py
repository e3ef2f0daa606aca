"""How a program becomes components."""

from ._by_name import TOPOLOGIES as TOPOLOGIES
from ._by_name import get_topology as get_topology
from ._by_name import make_topology as make_topology
from ._cascade import Cascade as Cascade
from ._crossbar import Crossbar as Crossbar
from ._differential_rc_mesh import DifferentialRCMesh as DifferentialRCMesh
from ._loading import Loaded as Loaded
from ._loading import largest_weight as largest_weight
from ._loading import load as load
from ._loading import on_grid as on_grid
from ._passive_cells import cell_elements as cell_elements
from ._rc_mesh import RCMesh as RCMesh
from ._rlc_grid import RLCGrid as RLCGrid
from ._topology import BYTES_PER_PAIR as BYTES_PER_PAIR
from ._topology import Topology as Topology
from ._topology import draw_errors as draw_errors
from ._topology import mirror as mirror
from ._topology import most_cells as most_cells
from ._topology import zero_errors as zero_errors
from ._values import LEVELS as LEVELS
from ._values import Answer as Answer
from ._values import Errors as Errors
from ._values import Level as Level
from ._values import Values as Values
from ._values import Weights as Weights
