"""The cheapest design that keeps its limits."""

from ._cost import Cost as Cost
from ._found import cheapest as cheapest
from ._found import design_rows as design_rows
from ._found import tried_of as tried_of
from ._found import verified as verified
from ._margin import room as room
from ._margin import tolerance_factor as tolerance_factor
from ._search import Search as Search
from ._search import Tried as Tried
from ._space import Space as Space
from ._table import write_designs as write_designs
