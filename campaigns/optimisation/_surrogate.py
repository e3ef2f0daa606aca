"""What is to be expected of designs that nobody has tried: a Gaussian process through those that were."""

import warnings

import numpy as np
import scipy
from jaxtyping import Float
from threadpoolctl import threadpool_limits


def probability_of_room(
    tried: Float[np.ndarray, "tried parameters"],
    rooms: Float[np.ndarray, " tried"],
    asked: Float[np.ndarray, "asked parameters"],
    seed: int,
) -> Float[np.ndarray, " asked"]:
    """That the room of each design is at least zero (Matern 5/2 with a length for each parameter, and noise).

    On one thread: a search that goes on elsewhere has to propose the same designs.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    lengths = np.full(tried.shape[1], 0.5)
    kernel = ConstantKernel(1.0, (1e-2, 1e2)) * Matern(lengths, (0.05, 20.0), nu=2.5) + WhiteKernel(1e-3, (1e-6, 0.3))
    process = GaussianProcessRegressor(kernel, normalize_y=True, n_restarts_optimizer=1, random_state=seed)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        process.fit(tried, rooms)
        mean, sd = process.predict(asked, return_std=True)
    return np.asarray(scipy.stats.norm.cdf(mean / np.maximum(sd, 1e-12)))
