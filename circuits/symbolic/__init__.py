"""The same circuits as formulas (sympy; loaded by name only)."""

from ._compiled import Compiled as Compiled
from ._compiled import compiled as compiled
from ._document import Formulas as Formulas
from ._document import analyse as analyse
from ._document import forecast as forecast
from ._influence import SettledSensitivity as SettledSensitivity
from ._influence import settled_sensitivity as settled_sensitivity
from ._model import LARGEST_INVERSE as LARGEST_INVERSE
from ._model import LARGEST_NOISE as LARGEST_NOISE
from ._model import SymbolicModel as SymbolicModel
from ._own_circuit import MOST_NOISE_STATES as MOST_NOISE_STATES
from ._own_circuit import MOST_STATES as MOST_STATES
from ._own_circuit import CircuitModel as CircuitModel
from ._proofs import Proof as Proof
from ._proofs import proofs as proofs
from ._reduction import state_space as state_space
from ._sensitivity import SymbolicSensitivity as SymbolicSensitivity
from ._sensitivity import sensitivity as sensitivity
from ._stability import StabilityLimit as StabilityLimit
from ._stability import stability as stability
from ._symbols import omega as omega
from ._symbols import s as s
