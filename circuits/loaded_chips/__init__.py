"""A chip with a program on it: scale, state space, noise, stability."""

from ._fit_to_device import choose_scaling as choose_scaling
from ._injected_noise import SETTLED as SETTLED
from ._injected_noise import chip_power as chip_power
from ._injected_noise import circuit_rates as circuit_rates
from ._injected_noise import fitting_noise as fitting_noise
from ._injected_noise import noise_swing as noise_swing
from ._injected_noise import program_rates as program_rates
from ._injected_noise import with_cell_noise as with_cell_noise
from ._loaded_chip import LoadedChip as LoadedChip
from ._loaded_chip import loaded_chip as loaded_chip
from ._realised import realised_eigenvalues as realised_eigenvalues
from ._relaxation_law import RelaxationLaw as RelaxationLaw
from ._relaxation_law import count_of_chips as count_of_chips
from ._relaxation_law import laws_of_chips as laws_of_chips
from ._relaxation_law import possible_chips as possible_chips
from ._relaxation_law import without_grid as without_grid
from ._sparse_mesh import sparse_mesh as sparse_mesh
from ._stability import stability_limit as stability_limit
from ._stability import with_gain_bandwidth as with_gain_bandwidth
from ._swing import Swing as Swing
from ._swing import amplifier_nodes as amplifier_nodes
from ._swing import amplifiers_of as amplifiers_of
from ._swing import beyond_rails as beyond_rails
from ._swing import inside as inside
from ._swing import watched as watched
