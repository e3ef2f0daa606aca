"""One budget for every method: what is tried, what was chosen, and how it is written down."""

from ._budget import METHODS as METHODS
from ._budget import TuningBudget as TuningBudget
from ._budget import search_points as search_points
from ._document import Tuned as Tuned
from ._document import to_yaml as to_yaml
from ._target import Reached as Reached
from ._target import TargetWatch as TargetWatch
from ._target import reached as reached
