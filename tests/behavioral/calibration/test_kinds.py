"""Every topology and every kind of measurement in one likelihood: recovery, coverage, identifiability, bad spectra."""

import json

import numpy as np
import pytest
import xarray as xr
from thermospice.behavioral import Calibration, Response, calibrate
from thermospice.behavioral.calibration import Parameters
from thermospice.circuits import Design, choose_scaling, make_topology, random_program
from thermospice.measurements import MeasurementError

ALL = ("tran", "ac", "noise", "record")
CASES = [
    ("crossbar", ALL),
    ("rc-mesh", ("op", *ALL)),
    ("differential-rc-mesh", ("tran", "ac", "noise")),
    ("cascade", ("tran", "ac", "noise")),
    ("rlc-grid", ALL),
]
RESPONSE, DENSITY = 1e-2, 5e-2
"""Relative errors of measured responses and densities."""


class Maker:
    """Chips drawn from the prior of the calibration itself, and measurements of them with the noise that they state."""

    def __init__(self, name, n):
        self.design = Design.preset("rlc-board-8" if name == "rlc-grid" else "board-1k-1n")
        self.level = "ideal" if name == "rlc-grid" else "macro"
        self.topology = make_topology(name, n)
        self.parameters = Parameters.of(self.design, self.topology, self.level)
        self.nominal = self.parameters.instance(np.zeros(self.parameters.size))
        self.sigma = 2e-4 * self.design.converters.full_scale

    def measure(self, z, rng, kinds=ALL, programs=6):
        counts = {"tran": programs, "op": programs, "ac": 2, "noise": 1, "record": 1}
        return [self.one(z, kind, rng, k) for kind in kinds for k in range(counts[kind])]

    def one(self, z, kind, rng, k=0):
        program = random_program(self.topology, rng, *((10.0, True), (3.0, False))[k % 2])
        scaling, n, tau = choose_scaling(self.nominal, program, self.level), self.topology.n, self.design.tau
        scale = self.parameters.factor("noise_scale", z)
        chip = Response.of(self.parameters.instance(z), program, self.level, scaling, scale, allow_clipping=True)
        data, coordinates, more = _program(program), {"cell": np.arange(n), "cell_in": np.arange(n)}, {}
        noise = rng.standard_normal
        if kind in ("tran", "record"):
            times = tau * (np.geomspace(0.25, 50, 48) if kind == "tran" else np.linspace(0.2, 10, 50))
            v0 = 0.1 * self.design.converters.full_scale * rng.choice([-1.0, 1.0], n)
            v = chip.mean_at(times, v0) if kind == "tran" else chip.sample(times, rng, 1, v0)[0]
            # A record's readout does not hide the device's own noise.
            sigma = self.sigma if kind == "tran" else 2e-3 * self.sigma
            more = {"readout_sigma": sigma} | ({"noise_seed": 1} if kind == "record" else {})
            coordinates["time"] = ("time", times, {"units": "s"})
            data |= {"v": (("time", "cell"), v + sigma * noise(v.shape), {"units": "V"})}
            data |= {"v0": ("cell", v0, {"units": "V"})}
        elif kind == "op":
            more = {"readout_sigma": self.sigma}
            data["v"] = ("cell", chip.settled + self.sigma * noise(n), {"units": "V"})
        else:
            f = np.geomspace(1e-2, 1e3, 24) / tau
            coordinates["frequency"] = ("frequency", f, {"units": "Hz"})
            more = {"relative_sigma": RESPONSE if kind == "ac" else DENSITY}
            data |= _response(chip.transfer(f), noise) if kind == "ac" else _density(chip.psd(f), noise)
        attributes = {
            "analysis": "tran" if kind == "record" else kind,
            "topology": self.topology.name,
            "n": n,
            "level": self.level,
            "design": json.dumps(self.design.to_dict()),
            "temperature": self.design.temperature,
            "instance_digest": "chip",
            "conductance_scale": scaling.conductance,
            "drive_scale": scaling.drive,
            **({"r": self.topology.r} if hasattr(self.topology, "r") else {}),
        }
        return xr.Dataset(data, coordinates, attributes | more)

    def z_scores(self, found, z):
        return (self.parameters.sigma * z - found.values) / np.sqrt(np.diag(found.covariance))


def _program(program):
    data = {"A": (("cell", "cell_in"), program.A, {"units": "1"}), "b": ("cell", program.b, {"units": "V"})}
    if program.factors is not None:
        J, H, damping = program.factors
        data |= {"J": (("rank", "cell"), J, {"units": "1"}), "H": (("rank", "rank_in"), H, {"units": "1"})}
        data["damping"] = ((), damping, {"units": "1"})
    return data


def _response(H, noise):
    # As far below the peak as the calibration calls a null.
    sigma = RESPONSE * np.maximum(np.abs(H), 1e-3 * np.abs(H).max())
    parts = {"v_re": H.real + sigma * noise(H.shape), "v_im": H.imag + sigma * noise(H.shape)}
    return {name: (("frequency", "cell"), values, {"units": "V"}) for name, values in parts.items()}


def _density(psd, noise):
    return {"psd": (("frequency", "cell"), psd * np.exp(DENSITY * noise(psd.shape)), {"units": "V^2/Hz"})}


@pytest.mark.parametrize(("name", "kinds"), CASES, ids=[name for name, _ in CASES])
def test_recovers_chips_of_every_topology(name, kinds):
    """A chip from the prior: as many misses as normal deviates have, on the whole."""
    maker, z = Maker(name, 2), []
    for chip in range(1):
        rng = np.random.default_rng([1, chip])
        truth = rng.standard_normal(maker.parameters.size)
        found = Calibration.of(maker.measure(truth, rng, kinds))
        assert set(found.excess.values()) == {1.0}
        assert not found.model.provenance.discarded
        z.append(maker.z_scores(found, truth))
    # Errors that share a factor count as one: a third of the values are independent at the least.
    independent = np.size(z) / 3
    assert np.mean(np.square(z)) < 1 + 4.5 * np.sqrt(2 / independent)
    assert np.abs(z).max() < 5


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kinds"), CASES, ids=[name for name, _ in CASES])
def test_intervals_cover(name, kinds):
    """95 % intervals hold the truth in 92 to 98 % of cases, over chips drawn from the design's tolerances.

    200 chips of 8 to 43 parameters. All parameters together: were all those of a chip one, 200 of them would scatter
    by 1.5 %; they are several. Each kind of parameter alone has at least 200 values: beyond 95 % +- 4.5 * 1.54 % it is
    wrong.
    """
    maker, inside = Maker(name, 2), []
    for chip in range(200):
        rng = np.random.default_rng([2, chip])
        truth = rng.standard_normal(maker.parameters.size)
        inside.append(np.abs(maker.z_scores(Calibration.of(maker.measure(truth, rng, kinds)), truth)) < 1.96)
    assert 0.92 <= np.mean(inside) <= 0.98
    kind = np.array([parameter.split("[")[0] for parameter in maker.parameters.names])
    for one in set(kind):
        assert abs(np.mean(np.array(inside)[:, kind == one]) - 0.95) < 0.07, one


def test_every_kind_of_measurement_adds_what_it_knows():
    maker = Maker("crossbar", 2)
    truth = np.random.default_rng(3).standard_normal(maker.parameters.size)
    sd = {}
    for kinds in (("tran",), ("tran", "ac"), ("tran", "noise"), ("tran", "record")):
        found = Calibration.of(maker.measure(truth, np.random.default_rng(4), kinds))
        sd[kinds] = dict(zip(found.names, np.sqrt(np.diag(found.covariance)) / found.prior, strict=True))
    steps = sd["tran",]
    assert steps["noise_scale"] == pytest.approx(1, abs=1e-9)
    # 48 densities of 5 % each: less than 2 % of a prior of 50 %; 200 readouts of a record: some 10 %.
    assert sd["tran", "noise"]["noise_scale"] < 0.04
    assert sd["tran", "record"]["noise_scale"] < 0.3
    assert sd["tran", "ac"]["gain_bandwidth"] < 0.7 * steps["gain_bandwidth"]


def test_what_stays_open_is_named_and_changes_nothing():
    """A common factor of a row's conductances and its capacitor is in no waveform: the fit says so."""
    maker = Maker("crossbar", 2)
    rng = np.random.default_rng(5)
    found = Calibration.of(maker.measure(rng.standard_normal(maker.parameters.size), rng, ("tran",)))
    names = [list(one.weights)[:4] for one in found.combinations]
    assert ["noise_scale"] in [list(one.weights) for one in found.combinations]
    for row in (0, 1):
        factor = {f"conductance[{row},0]", f"conductance[{row},1]", f"drive[{row}]", f"capacitance[{row}]"}
        assert any(set(shown) == factor for shown in names)
    for one in found.combinations:
        assert 0.9 < one.open <= 1 + 1e-9
        assert str(one).startswith(("0.", "-0.", "1.", "-1."))
        step = np.array([one.weights.get(name, 0.0) for name in found.names])
        assert np.linalg.norm(step) == pytest.approx(1, abs=0.05)


def test_a_pair_of_rails_has_a_mirror_image():
    """A differential readout cannot tell the rails: exchanged (with the offsets' signs) the chip is the same."""
    maker = Maker("differential-rc-mesh", 2)
    rng = np.random.default_rng(6)
    z = rng.standard_normal(maker.parameters.size)
    other = maker.parameters.mirrored(z)
    assert np.linalg.norm(other - z) > 1
    np.testing.assert_array_equal(maker.parameters.mirrored(other), z)
    program = random_program(maker.topology, rng)
    scaling = choose_scaling(maker.nominal, program)
    a, b = (Response.of(maker.parameters.instance(w), program, "macro", scaling, 1.0) for w in (z, other))
    # But for bias currents of 2 pA through 1 % of 1 kOhm.
    np.testing.assert_allclose(a.settled, b.settled, atol=1e-9)
    f = np.geomspace(1e2, 1e8, 5)
    np.testing.assert_allclose(a.psd(f), b.psd(f), rtol=1e-9)
    found = Calibration.of(maker.measure(z, rng, ("tran", "ac", "noise")))
    assert "rails" in found.ambiguity
    k = [name.startswith("ground") for name in found.names]
    # Both images are within the error bars.
    for image in (z, other):
        assert np.abs(maker.z_scores(found, image)[k]).max() < 5
    assert Calibration.of(Maker("rc-mesh", 2).measure(np.zeros(12), rng, ("tran",))).ambiguity is None


def test_residuals_of_a_kind_count_by_what_is_left_of_them():
    """Responses ten times worse than they say: their weight falls, and the waveforms' does not."""
    maker = Maker("rc-mesh", 2)
    rng = np.random.default_rng(7)
    truth = rng.standard_normal(maker.parameters.size)
    data = maker.measure(truth, rng, ("tran", "ac"))
    proud = [d.assign_attrs(relative_sigma=RESPONSE / 10) if d.attrs["analysis"] == "ac" else d for d in data]
    found = Calibration.of(proud)
    assert found.excess["responses"] == pytest.approx(10, rel=0.3)
    assert found.excess["readouts"] == 1.0
    assert np.abs(maker.z_scores(found, truth)).max() < 5


def _spectrum(change):
    def apply(data):
        changed = data.copy(deep=True)
        return change(changed) or changed

    return apply


def _set(name, index, value):
    def change(data):
        data[name].values[index] = value

    return change


BAD = {
    "negative density": ("noise", _set("psd", (3, 0), -1e-15), "densities above zero"),
    "nan density": ("noise", _set("psd", (3, 0), np.nan), "psd: expected finite values"),
    "millivolts": ("ac", lambda d: d["v_re"].attrs.update(units="mV"), "v_re: expected values in V, got the unit 'mV'"),
    "kilohertz": ("ac", lambda d: d["frequency"].attrs.update(units="kHz"), "frequency: expected values in Hz"),
    "densities in V/rtHz": ("noise", lambda d: d["psd"].attrs.update(units="V/rtHz"), "got the unit 'V/rtHz'"),
    "a frequency twice": ("ac", lambda d: d.isel(frequency=[0, 1, 1, 2]), "rising frequencies"),
    "no spectrum": ("noise", lambda d: d.isel(frequency=slice(0, 0)), "expected values, got none"),
    "half a response": ("ac", lambda d: d.drop_vars("v_im"), "expected the variable 'v_im'"),
    "sure of itself": ("ac", lambda d: d.assign_attrs(relative_sigma=-1.0), "relative_sigma: expected a finite number"),
    "wrong chip": ("noise", lambda d: d.assign_attrs(instance_digest="other"), "its instance_digest differs"),
    "wrong scale": ("ac", lambda d: d.assign_attrs(drive_scale=1e-3), "unexplained|does not settle|contradict"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_spectra_give_one_line_and_no_number(name):
    kind, change, reason = BAD[name]
    maker, rng = Maker("rc-mesh", 2), np.random.default_rng(8)
    z = np.zeros(maker.parameters.size)
    bad = _spectrum(change)(maker.one(z, kind, rng))
    with pytest.raises(MeasurementError, match=reason) as caught:
        calibrate([*maker.measure(z, rng, ("tran",), 2), bad])
    assert "\n" not in str(caught.value)
