"""From results to tables and sentences."""

from typing import TYPE_CHECKING

from ...files import lazy_names

if TYPE_CHECKING:
    from . import _calibration as calibration
    from . import _campaign as campaign
    from . import _export as export
    from . import _fidelity as fidelity
    from . import _linear_algebra as linear_algebra
    from . import _noise as noise
    from . import _population as population
    from . import _simulation as simulation
    from . import _training as training
    from . import _verdicts as verdicts
    from ._design_keys import commented as commented
    from ._design_keys import keys_of as keys_of
    from ._held_out import table as table

__all__ = [
    "calibration",
    "campaign",
    "commented",
    "export",
    "fidelity",
    "keys_of",
    "linear_algebra",
    "noise",
    "population",
    "simulation",
    "table",
    "training",
    "verdicts",
]

_MODULES = (
    "calibration",
    "campaign",
    "export",
    "fidelity",
    "linear_algebra",
    "noise",
    "population",
    "simulation",
    "training",
    "verdicts",
)
_HOMES = {
    "commented": "_design_keys",
    "keys_of": "_design_keys",
    "table": "_held_out",
}

# Together they take seconds to load.
__getattr__ = lazy_names(__name__, _HOMES, _MODULES)
