"""One layout of a measurement: its names and units, written, read and kept in files."""

from ._aligned import aligned as aligned
from ._aligned import scatter as scatter
from ._content import content as content
from ._files import MOST_PROGRAMS as MOST_PROGRAMS
from ._files import load_circuit_measurement as load_circuit_measurement
from ._files import load_measurement as load_measurement
from ._files import load_measurements as load_measurements
from ._files import load_numbered as load_numbered
from ._files import save_measurement as save_measurement
from ._files import save_measurements as save_measurements
from ._files import write_dataset as write_dataset
from ._floor import FLOOR as FLOOR
from ._layout import ANALYSES as ANALYSES
from ._layout import Analysis as Analysis
from ._moments import PARTS as PARTS
from ._moments import MomentPart as MomentPart
from ._moments import Moments as Moments
from ._moments import moment_variables as moment_variables
from ._reading import Measurement as Measurement
from ._reading import read_measurement as read_measurement
from ._writing import Variables as Variables
from ._writing import dataset as dataset
from ._writing import network_dataset as network_dataset
from ._writing import provenance as provenance
