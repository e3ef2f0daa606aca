"""A chip and second moments of its cells: values by another route, derivatives, what a fit makes of them."""

import numpy as np
import pytest
from thermospice.behavioral import Calibration, DeviceModel, compare
from thermospice.behavioral.calibration import Parameters, term_of
from thermospice.circuits import Crossbar, Design, Program, Scaling
from thermospice.circuits.linear_circuits import LinearCircuit
from thermospice.measurements import dataset, read_measurement
from thermospice.measurements.layout import Moments, moment_variables

PROGRAM = Program(np.array([[1.0, 0.3], [-0.2, 0.8]]), np.array([0.2, -0.1]))
DESIGN = Design.preset("board-1k-1n")
F = np.geomspace(1e3, 1e6, 12)
BANDS = ((2e4, 1e6), None)
CELLS = (np.array([0, 1, 0, 0]), np.array([0, 1, 1, 1]))


def circuit_of(chip):
    return LinearCircuit.of(chip.network(PROGRAM, "macro"))


def records(chip, rng, relative=0.03):
    """Cross-spectra that scatter as averages do, and covariances with stated errors."""
    model = circuit_of(chip)
    nothing = np.full((len(F), 4), np.nan)
    cross = Moments(*CELLS, ("re", "re", "re", "im"), nothing, nothing, F)
    spectra = model.cross_spectra(F)
    scatter = [np.linalg.cholesky(cross.scatter(S, relative)) @ rng.standard_normal(4) for S in spectra]
    cross = Moments(*CELLS, cross.part, cross.picked(spectra) + np.array(scatter), nothing, F)
    kinds = ("covariance", "rms", "correlation")
    cells = (np.array([0, 1, 0]), np.array([0, 1, 1]))
    nothing = np.full((len(BANDS), 3), np.nan)
    plain = Moments(*cells, kinds, nothing, nothing, None, BANDS)
    values = plain.picked(np.array([model.covariance(band) for band in BANDS]))
    sigma = 0.01 * np.abs(values)
    plain = Moments(*cells, kinds, values + sigma * rng.standard_normal(values.shape), sigma, None, BANDS)
    attributes = {"instance_digest": "one", "simulator": "bench"}
    return [
        dataset(
            DESIGN.nominal(Crossbar(n=2)),
            PROGRAM,
            "macro",
            Scaling(1.0, 1.0),
            moment_variables(one),
            {**attributes, "analysis": kind, "relative_sigma": more},
        )
        for one, kind, more in ((cross, "cross", relative), (plain, "covariance", None))
    ]


CHIP = DESIGN.sample(Crossbar(n=2), np.random.default_rng(5))
RECORDS = records(CHIP, np.random.default_rng(6))


@pytest.mark.parametrize("which", [0, 1])
def test_derivatives_are_those_of_the_residuals(which):
    # Catches a term of the polarisation, or a correlation whose variances stand still. Central differences of the
    # cost with steps of 1e-4 err by 1e-8 of it.
    term = term_of(read_measurement(RECORDS[which]))
    parameters = Parameters.of(DESIGN, Crossbar(n=2), "macro", (), [term])
    z, *directions = np.random.default_rng(0).standard_normal((4, parameters.size))
    gradient = term.evaluate(parameters, 0.3 * z).gradient
    for e in directions:
        after, before = (term.evaluate(parameters, 0.3 * z + sign * 1e-4 * e).cost for sign in (1, -1))
        assert -(after - before) / 4e-4 == pytest.approx(gradient @ e, abs=1e-6 * np.linalg.norm(gradient))


def test_the_chip_itself_leaves_what_the_errors_say():
    # The equations of the fit and those of `LinearCircuit` are two routes; 48 values and 6, chi-square to sqrt(2/48)
    # and sqrt(2/6), four of them.
    z = np.zeros(0)
    for one, values in zip(RECORDS, (48, 6), strict=True):
        term = term_of(read_measurement(one))
        parameters = Parameters.of(DESIGN, Crossbar(n=2), "macro", (), [term])
        z = np.zeros(parameters.size)
        for name, index in parameters.index.items():
            known = index >= 0
            z[index[known]] = CHIP.errors[name][known] / parameters.sigma[index[known]]
        assert term.values == values
        assert term.evaluate(parameters, z).rms ** 2 == pytest.approx(1.0, abs=4 * np.sqrt(2 / values))


def test_a_fit_takes_them_and_finds_how_loud_the_chip_is():
    found = Calibration.of(RECORDS)
    assert found.verdict.status == "consistent"
    scale = found.model.noise_scale
    # 48 values of 3 % and 6 of 1 % know a common factor to about half a per cent.
    assert abs(scale.value - 1) < 4 * scale.standard_error < 0.06
    louder = [one.copy() for one in RECORDS]
    louder[1]["moments"] = louder[1]["moments"] * 1.3
    assert Calibration.of(louder).verdict.contradicted


def test_a_comparison_has_their_distance():
    model = DeviceModel.nominal(CHIP)
    # A part in 30 by the scatter, and a third of it in the covariances.
    assert compare(RECORDS[0], model).value < 2 * 0.03
    assert compare(RECORDS[1], model).metric == "relative_error"
    doubled = RECORDS[0].copy()
    doubled["moments"] = 2 * doubled["moments"]
    assert compare(doubled, model).value > 0.5
