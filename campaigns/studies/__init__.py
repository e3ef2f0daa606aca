"""What a study is."""

from ._circuit_settings import CircuitSettings as CircuitSettings
from ._limits import Limit as Limit
from ._limits import Specification as Specification
from ._metrics import ARRAYS as ARRAYS
from ._metrics import OF_AN_OUTPUT as OF_AN_OUTPUT
from ._metrics import RATIOS as RATIOS
from ._metrics import TRAINING as TRAINING
from ._netlist_settings import NetlistSettings as NetlistSettings
from ._parameters import Parameter as Parameter
from ._parameters import points as points
from ._study import CASE as CASE
from ._study import StopAfter as StopAfter
from ._study import Study as Study
from ._study_file import limits_of as limits_of
from ._study_file import load_study as load_study
from ._study_file import parse_study as parse_study
from ._study_file import to_plain as to_plain
from ._study_file import to_yaml as to_yaml
from ._units import number as number
from ._units import unit_of as unit_of
from ._units import written as written
