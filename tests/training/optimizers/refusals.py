"""What constructors say of arguments that are none, printed as JSON.

A program of its own: the tests' check of signatures would refuse such arguments before the constructors do.
"""

import json
import math

import numpy as np
import torch
from doubles import Population
from thermospice.training import KFAC, TNGD, Cholesky, ConjugateGradient, DeviceSPU, IdealSPU
from thermospice.training.optimizers import LevenbergMarquardt
from torch import nn


def tngd(**given):
    return TNGD(nn.Linear(2, 1), nn.MSELoss(), **given)


def kfac(**given):
    return KFAC(nn.Linear(2, 1), nn.MSELoss(), **given)


def device(**given):
    return DeviceSPU(Population(), **given)


def group(lr):
    return TNGD(module := nn.Linear(2, 1), nn.MSELoss(), params=[{"params": module.parameters(), "lr": lr}])


NUMBERS = {
    tngd: "lr damping delay momentum weight_decay eps curvature_decay",
    kfac: "lr damping momentum weight_decay decay",
    IdealSPU: "t kappa0",
    device: "t noise_tolerance",
    LevenbergMarquardt: "a alpha minimum maximum retreat",
    ConjugateGradient: "tol",
    group: "lr",
}
WHOLE = {
    tngd: "deflated chunk curvature_average",
    kfac: "bits",
    IdealSPU: "seed",
    device: "seed max_attempts",
    ConjugateGradient: "max_iterations",
    Cholesky: "dense_limit",
}
OTHERS = {
    tngd: "start curvature curvature_rows check unstable solver betas levenberg_marquardt autocast data_parallel "
    "params",
    kfac: "check unstable solver data_parallel params",
    device: "rounding chip effects ageing",
    ConjugateGradient: "preconditioner",
}
NO_NUMBERS = ("0.1", None, True, [0.1], np.array([0.1, 0.2]), np.eye(40), torch.ones(2), 1j, object())
OUT_OF_RANGE = (math.nan, -1.0, -math.inf)
NOT_WHOLE = ("3", 1.5, True, np.array([1, 2]), np.eye(40), torch.ones(2), -1, math.nan, object())
OF_NO_KIND = ("nothing", 7, np.eye(40), torch.ones(2), object())
NO_BETAS = ("ab", (0.9,), (0.9, "0.9"), (0.9, 1.0), (0.9, math.nan), 0.9, np.ones((2, 2)))


def said(make, name, value):
    """The error's kind and words, or what was made of it."""
    try:
        return ["", repr(make(**{name: value}))]
    except Exception as error:
        return [type(error).__name__, str(error)]


def asked():
    for table, values in ((NUMBERS, NO_NUMBERS + OUT_OF_RANGE), (WHOLE, NOT_WHOLE), (OTHERS, OF_NO_KIND)):
        yield from ((make, name, value) for make in table for name in table[make].split() for value in values)
    yield from ((tngd, "betas", value) for value in NO_BETAS)


def main():
    print(json.dumps([[make.__name__, name, repr(value), *said(make, name, value)] for make, name, value in asked()]))


if __name__ == "__main__":
    main()
