"""Solvers: exact, iterative, ideal device, one chip."""

from ._cholesky import Cholesky as Cholesky
from ._conjugate_gradient import ConjugateGradient as ConjugateGradient
from ._contract import Solution as Solution
from ._contract import Solver as Solver
from ._contract import answer as answer
from ._contract import matrix_of as matrix_of
from ._contract import to_tensor as to_tensor
from ._dense_relaxation import DenseFlow as DenseFlow
from ._ideal_spu import IdealSPU as IdealSPU
from ._one_chip import ModelSPU as ModelSPU
from ._one_chip import SpiceSPU as SpiceSPU
from ._woodbury import Woodbury as Woodbury
