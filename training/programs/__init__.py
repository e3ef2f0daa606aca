"""Gauss-Newton systems as values: J^T H J + damping in all its forms."""

from ._factors import Factors as Factors
from ._factors import block_product as block_product
from ._factors import hessian_root as hessian_root
from ._kinds import AnyLowRank as AnyLowRank
from ._kinds import AnyProgram as AnyProgram
from ._kinds import Factored as Factored
from ._kinds import low_rank_and_gram as low_rank_and_gram
from ._kinds import stored as stored
from ._large_arrays import kept_room as kept_room
from ._large_arrays import room_for as room_for
from ._layered import Layered as Layered
from ._layered import check_columns as check_columns
from ._low_rank import needs_double as needs_double
from ._outer_products import Columns as Columns
from ._outer_products import Outer as Outer
from ._outer_products import Stored as Stored
from ._products import Products as Products
from ._rounding import ROUNDING as ROUNDING
from ._sharded import Sharded as Sharded
from ._sharded import gathered_batch as gathered_batch
from ._window import Window as Window
