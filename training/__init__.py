"""Training with linear solvers from Cholesky to a calibrated analog device (torch)."""

from ._cholesky import Cholesky as Cholesky
from ._conjugate_gradient import ConjugateGradient as ConjugateGradient
from ._curvature import Curvature as Curvature
from ._curvature import curvature as curvature
from ._factors import Factors as Factors
from ._ideal_spu import IdealSPU as IdealSPU
from ._losses import output_hessian as output_hessian
from ._products import Products as Products
from ._products import products as products
from ._solution import Solution as Solution
from ._solution import Solver as Solver
from ._tngd import TNGD as TNGD
from ._tngd import Diverged as Diverged
from ._update import LevenbergMarquardt as LevenbergMarquardt
from ._woodbury import Woodbury as Woodbury
