"""What a device cannot be made of, cannot take, or is too small for: one line each."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from thermospice.behavioral import DeviceModel, Population, PopulationModel, Provenance
from thermospice.circuits import Cascade, Crossbar, Design, Program
from thermospice.training import KFAC, TNGD, DeviceSPU, ExperimentError, ModelSPU, experiment
from thermospice.training.experiments import extrapolation, make_solver
from thermospice.training.programs import Factors
from torch import nn
from torch.nn import functional

from ..doubles import make_factors

BOARD = Design.preset("board-1k-1n")


# Expressions and the beginning of what is said of each. They run in a process of their own: here the annotations are
# checked at run time, which a user's process does not do.
REFUSED = [
    (
        "DeviceSPU('population.json')",
        "TypeError: DeviceSPU: expected a population or a device model, got 'population.json'",
    ),
    ("DeviceSPU(None)", "TypeError: DeviceSPU: expected a population or a device model, got None"),
    ("DeviceSPU({'gain': 1e5})", "TypeError: DeviceSPU: expected a population or a device model, got {'gain'"),
    ("DeviceSPU(chips, t=None)", "ValueError: DeviceSPU: expected t >= 0, got None"),
    ("DeviceSPU(chips, t='5')", "ValueError: DeviceSPU: expected t >= 0, got '5'"),
    ("DeviceSPU(chips, t=float('nan'))", "ValueError: DeviceSPU: expected t >= 0, got nan"),
    ("ModelSPU('device.json')", "TypeError: ModelSPU: expected a DeviceModel, got 'device.json'"),
    ("SpiceSPU('chip.json')", "TypeError: SpiceSPU: expected an Instance, got 'chip.json'"),
    *(
        (f"{solver}.init({program})", "TypeError: solver: expected a program, such as Factors")
        for solver in ("DeviceSPU(chips)", "IdealSPU()", "Woodbury()", "Cholesky()", "ConjugateGradient()")
        for program in ("'abc'", "np.eye(3)", "torch.eye(3)", "None")
    ),
    *(
        (f"(lambda s: s.compute(s.init(factors), {b}))({solver})", "TypeError: solver: expected a vector of numbers")
        for solver in ("DeviceSPU(chips)", "IdealSPU()", "Woodbury()", "Cholesky()", "ConjugateGradient()")
        for b in ("'abc'", "None", "{'b': 1}")
    ),
    ("Factors([[1.0]])", "TypeError: Factors: expected J as a tensor of 2 axes, got list"),
    ("Factors(np.ones((2, 3)))", "TypeError: Factors: expected J as a tensor of 2 axes, got ndarray"),
    ("Factors(torch.ones(3))", "TypeError: Factors: expected J as a tensor of 2 axes, got (3,)"),
    ("Factors(torch.ones(2, 3), np.ones((1, 2, 2)))", "TypeError: Factors: expected H as a tensor of 3 axes"),
    (
        "(lambda s: s.compute(s.init(factors), torch.ones(3)))(DeviceSPU(chips))",
        "ValueError: DeviceSPU: expected b of 6 cells, got shape (3,)",
    ),
    (
        "(lambda s: s.compute(s.init(factors), torch.ones(6), torch.ones(1, 6)))(DeviceSPU(chips))",
        "ValueError: DeviceSPU: expected x0 of 6 cells, got shape (1, 6)",
    ),
]
SCRIPT = """
import json, sys
import numpy as np, torch
from thermospice.behavioral import DeviceModel, Population
from thermospice.circuits import Crossbar, Design
from thermospice.training import *
from thermospice.training import Cholesky, ConjugateGradient, DeviceSPU, Factors, IdealSPU, ModelSPU, SpiceSPU, Woodbury
chips = Population.estimate([DeviceModel.nominal(Design.preset("board-1k-1n").nominal(Crossbar(2)))])
factors = Factors(torch.ones(2, 6), damping=0.3)
said = []
for expression in json.load(sys.stdin):
    try:
        said.append(f"nothing: {eval(expression)}")
    except Exception as error:
        said.append(f"{type(error).__name__}: {error}")
print(json.dumps(said))
"""


def test_what_a_solver_cannot_take_is_one_line():
    # Catches raw attribute errors, such as 'str' object has no attribute 'population'.
    expressions = json.dumps([expression for expression, _ in REFUSED])
    child = subprocess.run(
        [sys.executable, "-c", SCRIPT], input=expressions, capture_output=True, text=True, check=True
    )
    for (expression, expected), said in zip(REFUSED, json.loads(child.stdout), strict=True):
        assert said.startswith(expected), expression
        assert "\n" not in said


@pytest.mark.parametrize("batch", [([[1.0, 2.0]], [0]), (np.ones((4, 2)), np.zeros(4)), ("abc", torch.zeros(1))])
@pytest.mark.parametrize("kind", [TNGD, KFAC])
def test_a_step_takes_tensors(kind, batch):
    module = nn.Linear(2, 3)
    optimizer = kind(module, functional.cross_entropy, lr=0.1, damping=0.1)
    with pytest.raises(TypeError, match=f"{kind.__name__}: expected inputs as a tensor"):
        optimizer.step(*batch)
    with pytest.raises(TypeError, match=f"{kind.__name__}: expected targets as a tensor"):
        optimizer.step(torch.ones(4, 2), [0, 1, 2, 0])


@pytest.mark.parametrize("solver", ["model-spu", "spice-spu"])
def test_one_chip_with_every_resistor_is_for_small_networks(solver):
    # Catches the advice to lower the batch for want of 328 GiB that the number of cells asks for.
    with pytest.raises(ExperimentError, match=f"solver: {solver} has a cell for each of the network's 1498 parameters"):
        make_solver(experiment({"solver": solver}), 0, 1498)


@pytest.mark.parametrize("rows", [2, 3, 4])
def test_a_cascade_takes_the_factors_that_it_is_given(rows):
    # Catches "got only A" for r != n; rows that the chip has besides hold nothing.
    chip = BOARD.nominal(Cascade(6, 4))
    factors = Factors(torch.randn(rows, 6, generator=torch.Generator().manual_seed(0)).double(), None, 0.5)
    b = np.random.default_rng(0).standard_normal(6)
    expected = np.linalg.solve(factors.dense().numpy(), b)
    solver = ModelSPU(DeviceModel.nominal(chip))
    value = solver.compute(solver.init(factors), b).value
    # amplifiers of gain 4.5e5 and no offsets
    np.testing.assert_allclose(value, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


def test_a_cascade_of_mean_over_a_batch_has_its_share_in_each_array():
    factors = make_factors(2, 2, 6)
    solver = ModelSPU(DeviceModel.nominal(BOARD.nominal(Cascade(6, 4)), "ideal"))
    b = np.random.default_rng(0).standard_normal(6)
    value = solver.compute(solver.init(factors), b).value
    np.testing.assert_allclose(value, np.linalg.solve(factors.dense().numpy(), b), rtol=1e-6)


def small_population(cells: int | None) -> Population:
    return replace(Population.estimate([DeviceModel.nominal(BOARD.nominal(Crossbar(2)))]), measured_cells=cells)


def test_a_population_of_few_cells_says_that_it_is_stretched():
    # Catches two measured cells that stand for 1498 without a word.
    text = extrapolation(DeviceSPU(small_population(2)), 1498)
    assert text is not None
    assert "measured on 2 cells and stand for 1498 here, 749 times" in text
    assert extrapolation(DeviceSPU(small_population(None)), 1498) is None
    assert extrapolation(DeviceSPU(small_population(2000)), 1498) is None
    device = DeviceSPU(small_population(2))
    stats = device.compute(device.init(make_factors(2, 2, 6)), torch.ones(6).double()).stats
    assert stats["cells_per_measured"] == 3.0


def test_a_population_s_file_keeps_the_cells_it_was_measured_on():
    provenance = Provenance(source="campaign", residual=0.0)
    model = PopulationModel(BOARD, "crossbar", "macro", {}, provenance=provenance, cells=2)
    again = PopulationModel.from_dict(json.loads(json.dumps(model.to_dict())))
    assert again.cells == 2
    assert again.population().measured_cells == 2
    before = {name: value for name, value in model.to_dict().items() if name != "cells"}
    assert PopulationModel.from_dict(before).cells is None


def test_a_measured_crossbar_holds_no_more_cells_than_it_has():
    model = DeviceModel.nominal(BOARD.nominal(Crossbar(3)))
    with pytest.raises(ValueError, match="holds 3 cells, got a program of 4"):
        DeviceSPU(model, chip="measured").init(Program(np.eye(4), np.ones(4)))
