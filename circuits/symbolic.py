"""Symbolic analysis (sympy) of the same topologies that become netlists.

Import it by name, `from thermospice.circuits import symbolic`: the rest of this room does not load sympy.
"""

from ._symbolic_compiled import Compiled as Compiled
from ._symbolic_compiled import compiled as compiled
from ._symbolic_influence import SettledSensitivity as SettledSensitivity
from ._symbolic_influence import settled_sensitivity as settled_sensitivity
from ._symbolic_model import LARGEST_INVERSE as LARGEST_INVERSE
from ._symbolic_model import LARGEST_NOISE as LARGEST_NOISE
from ._symbolic_model import SymbolicModel as SymbolicModel
from ._symbolic_model import omega as omega
from ._symbolic_model import s as s
from ._symbolic_proofs import Proof as Proof
from ._symbolic_proofs import proofs as proofs
from ._symbolic_reduction import state_space as state_space
from ._symbolic_sensitivity import SymbolicSensitivity as SymbolicSensitivity
from ._symbolic_sensitivity import sensitivity as sensitivity
from ._symbolic_stability import StabilityLimit as StabilityLimit
from ._symbolic_stability import stability as stability
