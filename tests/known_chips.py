"""Measurements of a chip whose truth is known: its own circuit, without a simulator."""

import json

import numpy as np
import pytest
import xarray as xr
from thermospice.behavioral import DeviceModel, Response
from thermospice.circuits import Design, choose_scaling


@pytest.fixture(scope="session")
def board():
    return Design.preset("board-1k-1n")


def _attributes(instance, level, scaling, analysis):
    return {
        "analysis": analysis,
        "topology": instance.topology.name,
        "n": instance.topology.n,
        "level": level,
        "design": json.dumps(instance.design.to_dict()),
        "temperature": instance.design.temperature,
        "instance_digest": instance.digest,
        "conductance_scale": scaling.conductance,
        "drive_scale": scaling.drive,
        "simulator": "circuit equations",
        "simulator_version": "1",
    }


@pytest.fixture(scope="session")
def measure():
    """A function `measure(instance, program, analysis, ...)`; `noise` is a generator for the device's own noise."""

    def measured(
        instance,
        program,
        analysis="tran",
        level="macro",
        times=None,
        v0=None,
        noise=None,
        noise_scale=1.0,
        scaling=None,
        frequencies=None,
    ):
        scaling = choose_scaling(instance, program, level) if scaling is None else scaling
        response = Response.of(instance, program, level, scaling, noise_scale)
        n, attributes = program.n, _attributes(instance, level, scaling, analysis)
        coords = {"cell": np.arange(n), "cell_in": np.arange(n)}
        data = {"A": (("cell", "cell_in"), program.A, {"units": "1"}), "b": ("cell", program.b, {"units": "V"})}
        if analysis == "op":
            data["v"] = ("cell", response.settled, {"units": "V"})
        elif analysis == "tran":
            times = np.geomspace(0.25e-6, 1e-4, 64) if times is None else times
            v0 = np.zeros(n) if v0 is None else v0
            v = response.mean_at(times, v0) if noise is None else response.sample(times, noise, 1, v0)[0]
            attributes |= {} if noise is None else {"noise_seed": 1}
            coords["time"] = ("time", times, {"units": "s"})
            data |= {"v": (("time", "cell"), v, {"units": "V"}), "v0": ("cell", v0, {"units": "V"})}
        else:
            f = np.geomspace(1e2, 1e9, 71) if frequencies is None else frequencies
            coords["frequency"] = ("frequency", f, {"units": "Hz"})
            if analysis == "ac":
                H = response.transfer(f)
                data["v_re"] = (("frequency", "cell"), H.real, {"units": "V"})
                data["v_im"] = (("frequency", "cell"), H.imag, {"units": "V"})
            else:
                data["psd"] = (("frequency", "cell"), response.psd(f), {"units": "V^2/Hz"})
                data["covariance"] = (("cell", "cell_in"), response.stationary_covariance(), {"units": "V^2"})
        return xr.Dataset(data, coords, attributes)

    return measured


@pytest.fixture(scope="session")
def flat():
    """The nominal model of a design: no mismatch known."""

    def model(design, topology, level="macro"):
        return DeviceModel.nominal(design.nominal(topology), level)

    return model
