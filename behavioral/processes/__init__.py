"""Ornstein-Uhlenbeck processes and their kin."""

from ._circuit_process import CircuitProcess as CircuitProcess
from ._coloured_noise import FlickerNoise as FlickerNoise
from ._coloured_noise import with_coloured_noise as with_coloured_noise
from ._low_rank import LowRankOrnsteinUhlenbeck as LowRankOrnsteinUhlenbeck
from ._ornstein_uhlenbeck import OrnsteinUhlenbeck as OrnsteinUhlenbeck
from ._saturated import ExponentialStep as ExponentialStep
from ._saturated import Saturation as Saturation
from ._saturated import integrate as integrate
