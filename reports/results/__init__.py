"""What a result folder holds."""

from ._checks import check_pair as check_pair
from ._folder import MODELS as MODELS
from ._folder import FittedParameter as FittedParameter
from ._folder import Folder as Folder
from ._folder import HeldOut as HeldOut
from ._schema import NetlistSummary as NetlistSummary
from ._schema import ProgramSummary as ProgramSummary
from ._schema import SimulationSummary as SimulationSummary
from ._schema import StudySummary as StudySummary
from ._training_statistics import QUANTITIES as QUANTITIES
from ._training_statistics import Curve as Curve
from ._training_statistics import Loss as Loss
from ._training_statistics import MeanOverSeeds as MeanOverSeeds
from ._training_statistics import caution as caution
from ._training_statistics import curves as curves
from ._training_statistics import interval as interval
from ._training_statistics import label as label
from ._training_statistics import losses as losses
from ._training_statistics import outcomes as outcomes
from ._training_statistics import outcomes_at as outcomes_at
from ._training_statistics import shortest_time as shortest_time
