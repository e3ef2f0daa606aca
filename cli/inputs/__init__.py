"""From words and files to values."""

from typing import TYPE_CHECKING

from ...files import lazy_names

if TYPE_CHECKING:
    from . import _amplifiers as amplifiers
    from . import _chips as chips
    from . import _circuit_lab as circuit_lab
    from . import _lab as lab
    from ._amplifiers import AmplifierOptions as AmplifierOptions
    from ._linear_algebra import Kind as Kind
    from ._linear_algebra import check as check
    from ._linear_algebra import get_device as get_device
    from ._linear_algebra import get_given as get_given
    from ._linear_algebra import get_kind as get_kind
    from ._linear_algebra import get_problem as get_problem
    from ._own_circuits import get_circuit as get_circuit
    from ._own_circuits import get_drawn as get_drawn
    from ._own_circuits import get_study as get_study
    from ._programs import ProgramOptions as ProgramOptions
    from ._programs import get_scaling as get_scaling
    from ._training_names import check_training_names as check_training_names

__all__ = [
    "AmplifierOptions",
    "Kind",
    "ProgramOptions",
    "amplifiers",
    "check",
    "check_training_names",
    "chips",
    "circuit_lab",
    "get_circuit",
    "get_device",
    "get_drawn",
    "get_given",
    "get_kind",
    "get_problem",
    "get_scaling",
    "get_study",
    "lab",
]

_MODULES = ("amplifiers", "chips", "circuit_lab", "lab")
_HOMES = {
    "AmplifierOptions": "_amplifiers",
    "Kind": "_linear_algebra",
    "ProgramOptions": "_programs",
    "check": "_linear_algebra",
    "check_training_names": "_training_names",
    "get_circuit": "_own_circuits",
    "get_device": "_linear_algebra",
    "get_drawn": "_own_circuits",
    "get_given": "_linear_algebra",
    "get_kind": "_linear_algebra",
    "get_problem": "_linear_algebra",
    "get_scaling": "_programs",
    "get_study": "_own_circuits",
}

# Together they take seconds to load.
__getattr__ = lazy_names(__name__, _HOMES, _MODULES)
