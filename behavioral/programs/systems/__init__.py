"""A symmetric system on a device: loaded once, driven often, every drive paid for."""

from ._arrays import matrix as matrix
from ._arrays import positive as positive
from ._arrays import symmetric as symmetric
from ._arrays import vector as vector
from ._bench import WINDOW as WINDOW
from ._bench import Bench as Bench
from ._bench import Bill as Bill
from ._bench import LoadedSystem as LoadedSystem
from ._bench import cells_of as cells_of
from ._load_matrix import load_matrix as load_matrix
from ._load_matrix import with_converters as with_converters
from ._loaded_matrix import LoadedMatrix as LoadedMatrix
from ._refined import Refined as Refined
from ._refined import RefinedSystem as RefinedSystem
from ._rehearsal import Precision as Precision
from ._rehearsal import Rehearsal as Rehearsal
from ._rehearsal import precision_of as precision_of
