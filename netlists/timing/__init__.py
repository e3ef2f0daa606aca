"""Times, steps and frequencies from a network's poles."""

from ._checks import positive as positive
from ._grids import Grid as Grid
from ._grids import band_grid as band_grid
from ._grids import noise_grid as noise_grid
from ._grids import response_grid as response_grid
from ._held_noise import default_hold as default_hold
from ._held_noise import held_noise_covariance as held_noise_covariance
from ._held_noise import stationary_covariance as stationary_covariance
from ._linear_behaviour import Linear as Linear
from ._rates import Rates as Rates
from ._rates import rates as rates
from ._steps import Steps as Steps
from ._steps import held_steps as held_steps
from ._steps import transient_steps as transient_steps
from ._waveforms import waveform_times as waveform_times
