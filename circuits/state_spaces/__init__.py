"""Networks reduced to their states: how they move, rest and fluctuate."""

from ._decay import relaxation as relaxation
from ._decay import settle_time as settle_time
from ._driven import driven as driven
from ._driven import has_waveforms as has_waveforms
from ._link_voltages import link_voltages as link_voltages
from ._many_state_spaces import StateSpaces as StateSpaces
from ._many_state_spaces import drive_columns as drive_columns
from ._many_state_spaces import stacked_state_spaces as stacked_state_spaces
from ._state_space import NoisePaths as NoisePaths
from ._state_space import StateSpace as StateSpace
from ._state_space import noise_paths as noise_paths
from ._state_space import state_space as state_space
from ._waveforms import followed as followed
