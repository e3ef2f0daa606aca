"""What a piece of work will take, said before it begins."""

from ._forecast import LARGE as LARGE
from ._forecast import LONG as LONG
from ._forecast import MARGIN as MARGIN
from ._forecast import Forecast as Forecast
from ._forecast import in_turn as in_turn
from ._forecast import side_by_side as side_by_side
from ._free_memory import free_memory as free_memory
