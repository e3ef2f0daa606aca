"""Programs beyond linear algebra on the command line: from files to a posed problem, from an answer to a folder."""

from typing import TYPE_CHECKING

from ...files import lazy_names
from ._options import Constraints as Constraints
from ._options import Data as Data
from ._options import Gamma as Gamma
from ._options import Inequalities as Inequalities
from ._options import Length as Length
from ._options import Limits as Limits
from ._options import Lower as Lower
from ._options import MeasurementNoise as MeasurementNoise
from ._options import New as New
from ._options import NoiseVariance as NoiseVariance
from ._options import Observation as Observation
from ._options import Penalty as Penalty
from ._options import PriorVariance as PriorVariance
from ._options import ProcessNoise as ProcessNoise
from ._options import Right as Right
from ._options import Rounds as Rounds
from ._options import Symmetrise as Symmetrise
from ._options import Targets as Targets
from ._options import Tolerance as Tolerance
from ._options import Transition as Transition
from ._options import Upper as Upper
from ._options import Way as Way
from ._options import device_or_kind as device_or_kind
from ._options import refuse_options_of_programs as refuse_options_of_programs

if TYPE_CHECKING:
    from ._job import run_program as run_program

PROGRAMS = ("qp", "svm", "bayes", "kalman", "logistic")

# It takes seconds to load.
__getattr__ = lazy_names(__name__, {"run_program": "_job"})
