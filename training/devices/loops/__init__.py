"""The analog loop of a cascade, in time."""

from ._cascade_loop import MAX_GROUPS as MAX_GROUPS
from ._cascade_loop import Loop as Loop
from ._cascade_loop import refuse_growth as refuse_growth
from ._cascade_loop import refuse_slow_decay as refuse_slow_decay
from ._krylov import POLES_PER_TIME as POLES_PER_TIME
from ._krylov import Kept as Kept
from ._krylov import Relaxing as Relaxing
from ._krylov import state_at as state_at
from ._lagging_loop import LaggedLoop as LaggedLoop
from ._noise_steps import steps as steps
from ._spanned import noise_of_cells as noise_of_cells
