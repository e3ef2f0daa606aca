"""Single faults planted into a circuit, and whether the table sees them."""

from . import _exposure as exposure
from . import _mutations as mutations
from . import _planted as planted
from ._amplifier_faults import amplifier_faults as amplifier_faults
from ._faults import Fault as Fault
from ._faults import planted_faults as planted_faults
from ._faults import with_fault as with_fault
from ._looks import Look as Look
from ._looks import Setting as Setting
from ._looks import distance as distance
from ._planted import faults_of as faults_of
from ._settings import settings as settings
from ._trials import Trial as Trial
from ._trials import try_amplifiers as try_amplifiers
from ._trials import try_faults as try_faults
from ._visibility import sights as sights

__all__ = [
    "Fault",
    "Look",
    "Setting",
    "Trial",
    "amplifier_faults",
    "distance",
    "exposure",
    "faults_of",
    "mutations",
    "planted",
    "planted_faults",
    "settings",
    "sights",
    "try_amplifiers",
    "try_faults",
    "with_fault",
]
