"""What a calibration infers: a chip's deviations, its amplifiers and noise, and what a bench adds."""

from ._bench import NUISANCES as NUISANCES
from ._bench import check_nuisances as check_nuisances
from ._parameters import Loaded as Loaded
from ._parameters import Parameters as Parameters
