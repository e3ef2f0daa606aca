"""How measurements change with every parameter."""

from ._array import DualArray as DualArray
from ._dual_numbers import Dual as Dual
from ._flicker import with_flicker as with_flicker
from ._noisy_records import Delay as Delay
from ._noisy_records import equal_steps as equal_steps
from ._noisy_records import innovations as innovations
from ._second_moments import covariances as covariances
from ._second_moments import cross_spectra as cross_spectra
from ._sensitivity import AMPLIFIER_NOISE as AMPLIFIER_NOISE
from ._sensitivity import Sensitivity as Sensitivity
from ._spectra import covariance as covariance
from ._spectra import densities as densities
from ._spectra import response as response
from ._transients import pulled as pulled
from ._transients import trajectory as trajectory
from ._transients import transient as transient
