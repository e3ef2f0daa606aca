"""Seconds and joules of a step."""

from ._clock import MOST as MOST
from ._clock import StepTimes as StepTimes
from ._clock import now as now
from ._clocked_solver import Clocked as Clocked
from ._cost_model import CostModel as CostModel
from ._cost_model import Parts as Parts
from ._cost_of_solver import cost_model as cost_model
from ._many_programs import Tallied as Tallied
