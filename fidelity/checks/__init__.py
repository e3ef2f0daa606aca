"""One comparison a file."""

from . import _amplifier as amplifier
from . import _calibrated as calibrated
from . import _closed_forms as closed_forms
from . import _conditions as conditions
from . import _many_chips as many_chips
from . import _noise_law as noise_law
from . import _poles as poles
from . import _ringing_onset as ringing_onset
from . import _sensitivities as sensitivities
from . import _symbolic as symbolic
from . import _training_device as training_device
from . import _waveforms as waveforms
from ._amplifier import LIMIT as LIMIT
from ._amplifier import disagreement as disagreement
from ._amplifier import values_of as values_of
from ._waveforms import NAMES as NAMES
from ._waveforms import limits as limits

__all__ = [
    "LIMIT",
    "NAMES",
    "amplifier",
    "calibrated",
    "closed_forms",
    "conditions",
    "disagreement",
    "limits",
    "many_chips",
    "noise_law",
    "poles",
    "ringing_onset",
    "sensitivities",
    "symbolic",
    "training_device",
    "values_of",
    "waveforms",
]
