"""Bayesian inference: posteriors as the law of a device's voltages."""

from ._gaussian import Coordinates as Coordinates
from ._gaussian import GaussianProblem as GaussianProblem
from ._gaussian import Posterior as Posterior
from ._gaussian import Way as Way
from ._gaussian import evidence as evidence
from ._gaussian import posterior as posterior
from ._kalman import Filtered as Filtered
from ._kalman import StateModel as StateModel
from ._kalman import exact_filter as exact_filter
from ._kalman import kalman as kalman
from ._logistic import Logistic as Logistic
from ._logistic import laplace as laplace
from ._ranks import ranks as ranks
from ._ranks import sampled as sampled
from ._regression import GaussianProcess as GaussianProcess
from ._regression import gaussian_process as gaussian_process
from ._regression import linear_regression as linear_regression
from ._regression import predicted as predicted
