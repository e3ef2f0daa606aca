"""Linear algebra of circuits' equations, whatever elements they come from."""

from ._adjoints import Triplets as Triplets
from ._adjoints import rows_of_inverse as rows_of_inverse
from ._adjoints import sparse as sparse
from ._adjoints import summed as summed
from ._forest import Branch as Branch
from ._forest import path_sums as path_sums
