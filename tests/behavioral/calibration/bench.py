"""A bench that measures a known chip and has faults of its own: what a calibration is told is not what was there."""

import json
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from thermospice.behavioral import DeviceModel
from thermospice.circuits import Program, choose_scaling, random_program
from thermospice.circuits.networks import Parasitics, leak_sites, stray_sites

READOUT = 2.5e-3
"""Standard deviation of a readout [V], about that of a dithered 12-bit converter over +-5 V."""
DENSITY = 2e-2
"""Relative error of a measured noise density."""


@dataclass(frozen=True)
class Bench:
    """What is wrong with it; nothing unless said."""

    delay: float = 0.0
    gain: float = 1.0
    offset: float = 0.0
    baseline: float = 0.0
    drive: float = 1.0
    clock: float = 1.0
    hum: float = 0.0
    noise: float = 1.0
    swapped: bool = False
    outlier: float = 1.0
    warmer: float = 0.0

    def measure(self, chip, claimed, rng, programs=9, samples=100, level="macro", spectra=2):
        """Transients from rest, and noise spectra, of a chip that is said to be of the design `claimed`."""
        truth = replace(
            chip, design=chip.design.model_copy(update={"temperature": chip.design.temperature + self.warmer})
        )
        chosen = [random_program(chip.topology, rng, *((10.0, True), (3.0, False))[k % 2]) for k in range(programs)]
        nominal = claimed.nominal(chip.topology)
        runs = [self._transient(truth, nominal, program, k, samples, level, rng) for k, program in enumerate(chosen)]
        runs += [self._spectrum(truth, nominal, program, level, rng) for program in chosen[:spectra]]
        return runs

    def _transient(self, chip, nominal, program, k, samples, level, rng):
        scaling = choose_scaling(nominal, program, level)
        wrong = replace_drive(program, self.drive)
        response = DeviceModel.nominal(chip, level).response(wrong, scaling, allow_clipping=True)
        tau, n = nominal.design.tau, program.n
        times = np.geomspace(tau / 4, 50 * tau, samples)
        v = response.mean_at(np.maximum(times * self.clock - self.delay, 0.0), np.zeros(n))
        v = v[:, ::-1] if self.swapped else v
        v = self.gain * v + self.offset + self.baseline * rng.standard_normal(n)
        v = v + self.hum * np.sin(2 * np.pi * (times[:, None] / (20 * tau) + rng.random()))
        v = v * (self.outlier if k == 3 else 1.0)
        v = v + self.noise * READOUT * rng.standard_normal(v.shape)
        data = {"v": (("time", "cell"), v, {"units": "V"})}
        return _dataset(nominal, program, scaling, level, "tran", data, {"time": times}, readout_sigma=READOUT)

    def _spectrum(self, chip, nominal, program, level, rng):
        scaling = choose_scaling(nominal, program, level)
        response = DeviceModel.nominal(chip, level).response(program, scaling, allow_clipping=True)
        f = np.geomspace(1e-2, 1e2, 20) / nominal.design.tau
        psd = self.gain**2 * response.psd(f)
        data = {
            "psd": (("frequency", "cell"), psd * np.exp(DENSITY * rng.standard_normal(psd.shape)), {"units": "V^2/Hz"})
        }
        return _dataset(nominal, program, scaling, level, "noise", data, {"frequency": f}, relative_sigma=DENSITY)


def loosened(design, factor, what="resistor"):
    """The design with one tolerance so much looser: resistor, capacitor or offset."""
    part, name = ("amplifier" if what == "offset" else "mismatch"), f"{what}_sigma"
    looser = {name: factor * getattr(getattr(design, part), name)}
    return design.model_copy(update={part: getattr(design, part).model_copy(update=looser)})


def replace_drive(program, factor):
    """The same matrix with a drive that is so much larger."""
    if program.factors is None:
        return Program(program.A, factor * program.b)
    return Program.from_factors(*program.factors, factor * program.b)


def with_parasitics(chip, program_seed=0, leak=0.0, stray=0.0, noise=None):
    """The chip with a leak across each cell's capacitor [S], and a capacitance at each virtual ground or node [F]."""
    rng = np.random.default_rng(program_seed)
    networks = [chip.network(random_program(chip.topology, rng, 3.0, False)) for _ in range(8)]
    across = {(c, d): leak for network in networks for c, d in leak_sites(network)[: chip.topology.n]} if leak else {}
    to_ground = {site: stray for network in networks for site in stray_sites(network)} if stray else {}
    return replace(chip, parasitics=Parasitics(across, to_ground, noise or {}))


def _dataset(nominal, program, scaling, level, analysis, data, coordinates, **attributes):
    n, units = program.n, {"time": "s", "frequency": "Hz"}
    data |= {"A": (("cell", "cell_in"), program.A, {"units": "1"}), "b": ("cell", program.b, {"units": "V"})}
    coords = {name: (name, values, {"units": units[name]}) for name, values in coordinates.items()}
    return xr.Dataset(
        data,
        {"cell": np.arange(n), "cell_in": np.arange(n), **coords},
        {
            "analysis": analysis,
            "topology": nominal.topology.name,
            "n": n,
            "level": level,
            "design": json.dumps(nominal.design.to_dict()),
            "temperature": nominal.design.temperature,
            "instance_digest": "chip",
            "conductance_scale": scaling.conductance,
            "drive_scale": scaling.drive,
            "simulator": "circuit equations",
            **attributes,
        },
    )
