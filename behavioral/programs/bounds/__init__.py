"""The least heat of a process that has a time to end in."""

from ._wasserstein import Gaussian as Gaussian
from ._wasserstein import dissipated as dissipated
from ._wasserstein import least_energy as least_energy
from ._wasserstein import wasserstein as wasserstein
