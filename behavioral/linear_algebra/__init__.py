"""Linear algebra by relaxation."""

from ._deflation import Deflation as Deflation
from ._determinants import determinant as determinant
from ._determinants import log_determinant as log_determinant
from ._devices import LinearDevice as LinearDevice
from ._devices import LoadedDevice as LoadedDevice
from ._ideal_device import IdealDevice as IdealDevice
from ._model_device import ModelDevice as ModelDevice
from ._posed_problem import PROBLEMS as PROBLEMS
from ._posed_problem import Given as Given
from ._posed_problem import Problem as Problem
from ._problems import expm as expm
from ._problems import inverse as inverse
from ._problems import lyapunov as lyapunov
from ._problems import solve as solve
from ._records import Answer as Answer
from ._records import Budget as Budget
