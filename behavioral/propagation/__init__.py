"""How the law of a linear process moves in time."""

from ._gaussian import Gaussian as Gaussian
from ._likelihood import Gradient as Gradient
from ._likelihood import log_prob_and_gradient as log_prob_and_gradient
from ._likelihood import observed_steps as observed_steps
from ._linear_process import DenseProcess as DenseProcess
from ._linear_process import LinearProcess as LinearProcess
from ._linear_process import Time as Time
from ._lyapunov import Lyapunov as Lyapunov
from ._lyapunov import is_regular as is_regular
from ._lyapunov import psd_factor as psd_factor
from ._lyapunov import require_stationary as require_stationary
from ._modes import Modal as Modal
from ._noise_transfer import NoiseTransfer as NoiseTransfer
from ._sampling import Spacings as Spacings
from ._sampling import sample_paths as sample_paths
from ._time_averages import second_moment_variance as second_moment_variance
from ._time_averages import time_average as time_average
from ._transitions import Transition as Transition
from ._transitions import decay_action as decay_action
from ._transitions import transition as transition
from ._transitions import transitions as transitions
from ._transitions import transposed as transposed
