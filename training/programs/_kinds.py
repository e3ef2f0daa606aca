"""The kinds of programs that solvers take, and what can be made of them."""

from .._types import DenseProgram, Matrix
from ._factors import Factors
from ._layered import Layered, LayeredLowRank
from ._low_rank import LowRank, needs_double
from ._products import Products
from ._sharded import Sharded, ShardedLowRank

Factored = Factors | Sharded | Layered
AnyProgram = DenseProgram | Factored | Products
AnyLowRank = LowRank | ShardedLowRank | LayeredLowRank


def low_rank(program: Factored) -> AnyLowRank:
    """`W^T W + damping I` of factors, wherever they are."""
    if isinstance(program, Factors):
        return LowRank.of(program)
    return ShardedLowRank.of(program) if isinstance(program, Sharded) else LayeredLowRank.of(program)


def low_rank_and_gram(program: Factored, gain: float) -> tuple[AnyLowRank, Matrix]:
    """`low_rank` and `W W^T`, in double precision where single precision would show.

    gain: the most that a part of the drive is multiplied by, 1/damping at rest.
    """
    low = low_rank(program)
    gram = low.gram()
    if not needs_double(gram, gain):
        return low, gram
    low = low.widened()
    return low, low.gram()


def stored(program: AnyProgram) -> DenseProgram | Factors | Products:
    """Factors whole and in this process, for a device that has to be loaded with all of them; all else as it is."""
    if isinstance(program, Sharded):
        return program.gathered()
    return program.factors() if isinstance(program, Layered) else program
