"""What a measurement is: names, dimensions and units, how it is made, and its file."""

from ._files import MOST_PROGRAMS as MOST_PROGRAMS
from ._files import load_measurement as load_measurement
from ._files import load_measurements as load_measurements
from ._files import load_numbered as load_numbered
from ._files import save_measurement as save_measurement
from ._files import save_measurements as save_measurements
from ._files import write_dataset as write_dataset
from ._layout import ANALYSES as ANALYSES
from ._layout import OPTIONAL as OPTIONAL
from ._layout import SCHEMA as SCHEMA
from ._layout import UNITS as UNITS
from ._layout import VARIABLES as VARIABLES
from ._layout import Analysis as Analysis
from ._writing import Variables as Variables
from ._writing import dataset as dataset
from ._writing import network_dataset as network_dataset
from ._writing import provenance as provenance
