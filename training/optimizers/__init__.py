"""TNGD and K-FAC."""

from ._deflated_start import DeflatedStart as DeflatedStart
from ._deflated_start import deflated_start as deflated_start
from ._kfac import KFAC as KFAC
from ._kronecker import kronecker as kronecker
from ._tngd import TNGD as TNGD
from ._updates import LevenbergMarquardt as LevenbergMarquardt
