"""Many chips: spreads, and the model of a process."""

from ._electronics import Electronics as Electronics
from ._electronics import NoiseSources as NoiseSources
from ._load_device import get_device_model as get_device_model
from ._load_device import load_device as load_device
from ._mixed_model import MeasuredChip as MeasuredChip
from ._mixed_model import fit_mixed as fit_mixed
from ._population import Population as Population
from ._population_file import Spread as Spread
from ._population_model import PopulationModel as PopulationModel
