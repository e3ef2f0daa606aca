"""Decks carried out; measurements made."""

from ._agreement import AGREEMENT as AGREEMENT
from ._agreement import Agreement as Agreement
from ._agreement import Judge as Judge
from ._agreement import faults_of as faults_of
from ._agreement import trusted as trusted
from ._calibration_runs import calibration_job as calibration_job
from ._calibration_runs import measure_for_calibration as measure_for_calibration
from ._calibration_runs import measure_transients as measure_transients
from ._calibration_runs import simulate_all as simulate_all
from ._checked_simulation import Request as Request
from ._checked_simulation import Result as Result
from ._checked_simulation import get_analysis as get_analysis
from ._checked_simulation import relative_norm as relative_norm
from ._checked_simulation import run as run
from ._forecast import Forecast as Forecast
from ._forecast import check_size as check_size
from ._forecast import forecast as forecast
from ._many import settle_together as settle_together
from ._many import simulate_many as simulate_many
from ._power import OperatingPower as OperatingPower
from ._power import operating_power as operating_power
from ._simulate import deck as deck
from ._simulate import simulate as simulate
from ._simulate_network import simulate_network as simulate_network
from ._spice_device import SpiceDevice as SpiceDevice
