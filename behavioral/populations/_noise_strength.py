"""Kappa0 as slow readouts see it."""

from dataclasses import replace

import numpy as np

from ...circuits import Cascade, Program, Scaling
from ..devices import DeviceModel, Response


def noise_strength(model: DeviceModel) -> float:
    """Effective kappa0 [V^2] of a device: the white noise that a slow readout sees.

    With A = I loaded, each cell obeys `dv = -(v - b) ds + N(0, 2 kappa0 ds)` with s = t/tau for frequencies far
    below the amplifiers' bandwidth; its two-sided density there is `2 kappa0 tau`. A cascade holds A = I by its damping
    alone, the arrays empty: the noise of its stages is `DeviceSPU`'s to add, coloured by what they hold. So kappa0 is
    half the one-sided density at zero frequency by 2 tau, averaged over the cells: kT/C for each unit resistor of the
    cell (two in a crossbar or cascade, one in a mesh), injected noise, and amplifier noise through the noise gain. It
    leaves out the amplifiers' broadband noise, which a readout with an integration time of about tau averages away.
    Their 1/f noise counts as white noise of the density that it has at the cell's own frequency, 1/(2 pi tau): what is
    slower stands still while the cell relaxes.
    """
    response = _identity_response(_whitened(model))
    density = response.psd(np.zeros(1))[0] / 2
    return float(np.mean(density)) / (2 * model.design.tau)


def _whitened(model: DeviceModel) -> DeviceModel:
    amplifier = model.design.amplifier
    tau = model.design.tau
    if amplifier is None or amplifier.noise_corner == 0:
        return model
    corner = model.design.tempco.amplifier_at(amplifier, model.design.temperature).noise_corner
    voltage = amplifier.noise_voltage * np.sqrt(1 + corner * 2 * np.pi * tau)
    white = amplifier.model_copy(update={"noise_voltage": float(voltage), "noise_corner": 0.0})
    design = model.design.model_copy(update={"amplifier": white})
    return replace(model, instance=replace(model.instance, design=design))


def _identity_response(model: DeviceModel) -> Response:
    topology = model.instance.topology
    still = np.zeros(model.n)
    program = Program(np.eye(model.n), still)
    if isinstance(topology, Cascade):
        program = Program.from_factors(np.zeros((topology.r, topology.n)), np.eye(topology.r), 1.0, still)
    return model.response(program, Scaling(), allow_clipping=True)
