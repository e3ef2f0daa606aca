"""TNGD and K-FAC."""

from ._kfac import KFAC as KFAC
from ._kronecker import kronecker as kronecker
from ._tngd import TNGD as TNGD
from ._updates import LevenbergMarquardt as LevenbergMarquardt
