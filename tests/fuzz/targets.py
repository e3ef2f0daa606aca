"""What a reader may do with a damaged file: give a value that holds up, or an error that is one line for a person.

`test_fuzz.py` tries them with hypothesis, `run.py` with coverage guidance. A target takes a file's bytes; a reader
with a shape of its own also takes plain data with places replaced, which reaches further than damaged bytes.
"""

import json
import math
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import yaml
from outcomes import refused_or_taken
from places import Choose, replaced
from thermospice.behavioral import DeviceModel
from thermospice.behavioral.circuit_calibration import CircuitModel, term_of
from thermospice.campaigns import Store, load_study
from thermospice.campaigns.planning import SCHEMA
from thermospice.campaigns.studies import to_yaml
from thermospice.circuits import Cascade, Crossbar, Design, Instance, Network, Program, read_netlist, state_space
from thermospice.circuits.linear_circuits import observed, value_of
from thermospice.circuits.spice_files import parse_netlist
from thermospice.circuits.tolerances import Tolerance, Tolerances, load_specification
from thermospice.circuits.trials import get_design
from thermospice.files import netcdf as netcdf
from thermospice.files import read_json
from thermospice.files.tables import read_matrix
from thermospice.files.waveforms import read_any_raw
from thermospice.measurements import (
    MeasurementError,
    load_circuit_measurement,
    load_measurement,
    read_measurement,
    save_measurement,
)
from thermospice.measurements.lab import Lab, read_circuit_lab, read_lab
from thermospice.netlists.simulators import read_raw

netcdf.TIME_LIMIT = 5.0  # of a good file; HDF5 never returns from some damaged ones
_FOLDER = Path(tempfile.mkdtemp(prefix="thermospice-fuzz-"))


@dataclass(frozen=True)
class Target:
    """A reader with a good file, and how plain data become such a file."""

    name: str
    seed: bytes
    read: Callable[[Path], Any]
    plain: Any = None
    dump: Callable[[Any], bytes] | None = None
    slow: bool = False
    """Starts a process for each file."""

    def try_bytes(self, data: bytes) -> bool:
        """True when the reader took the file; raises whatever the command line would call a bug."""
        path = _FOLDER / f"{self.name}.yaml"
        path.write_bytes(data)
        return refused_or_taken(lambda: self.read(path))

    def try_plain(self, choose: Choose) -> bool:
        """As `try_bytes`, with some places of the good data replaced."""
        assert self.dump is not None
        return self.try_bytes(self.dump(replaced(self.plain, choose)))


def _read_raw(path: Path) -> None:
    data = path.read_bytes()
    assert sum(plot.values.nbytes for plot in read_raw(data)) <= len(data)


def _read_csv(path: Path) -> None:
    assert np.isfinite(read_matrix(path)).all()


def _read_design(path: Path) -> None:
    design = get_design(str(path))
    path.write_text(design.to_yaml(), encoding="utf-8")
    assert Design.load(path) == design


def _read_study(path: Path) -> None:
    to_yaml(load_study(path))


def _read_instance(path: Path) -> None:
    instance = Instance.load(path)
    json.dumps(instance.to_dict(), allow_nan=False)
    assert Instance.from_dict(instance.to_dict()).digest == instance.digest


def _read_program(path: Path) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        program = Program.from_dict(read_json(path))
    assert np.isfinite(program.A).all()
    assert program.b.shape == (len(program.A),)


def _read_device(path: Path) -> None:
    model = DeviceModel.load(path)
    assert all(np.isfinite(values).all() for values in (*model.errors.values(), *model.standard_errors.values()))


def _read_measurement(path: Path) -> None:
    read_measurement(load_measurement(path))


def _read_labelled(path: Path) -> None:
    read_measurement(_dataset(read_json(path)))


LAB = {
    "design": "board-1k-1n",
    "topology": "crossbar",
    "level": "ideal",
    "chip": "number 3",
    "programs": {"a": {"matrix": [[1.0, 0.3], [-0.2, 0.8]], "drive": [0.2, -0.1], "drive_scale": 0.5}},
    "probe_gain": [1.0, 0.1],
    "readout_noise": "2 mV",
    "relative_error": 0.02,
    "columns": {"CH1": 0, "CH2": 1},
    "units": {"CH1": "V"},
    "start": 0.0,
    "noise": "readout",
    "unknown": ["baseline"],
    "records": {"*.csv": {"program": "a", "probe_gain": 1.0}},
}
BENCH = b"""Model,X\nTIME,CH1,CH2\nsecond,Volt,Volt
1e-6,0.1,-0.2\n2e-6,0.15,-0.3\n3e-6,0.18,-0.35\n4e-6,0.19,-0.37\n"""


def _read_lab(path: Path) -> None:
    record = path.with_name("lab-record.csv")
    record.write_bytes(BENCH)
    for data in read_lab(Lab.load(path), [record]).measurements:
        read_measurement(data)


def _read_bench(path: Path) -> None:
    (data,) = read_lab(Lab.of(LAB, path.parent, "lab.yaml"), [path]).measurements
    assert all(np.isfinite(values).all() for values in read_measurement(data).values.values())


def _read_any_raw(path: Path) -> None:
    data = path.read_bytes()
    # Single precision doubles in memory.
    assert sum(plot.values.nbytes for plot in read_any_raw(data)) <= 8 * len(data)


NETLIST = b"""a board
.param r=1k
.subckt lp in out params: c=1n
R1 in out {r*2} tc1=1e-3 dtemp=5
C1 out 0 {c}
.ends lp
V1 in 0 dc 1 ac 1 pulse(0 1 0 1n)
X1 in out lp c=2n ; a comment
E1 buf 0 POLY(1) out 0 0.5 2
L1 buf end 1m
K1 L1 L2 0.5
L2 end 0 2m
R9 end 0 rm 1Meg $ another
.model rm r(tc1=1e-3 tnom=17)
B1 b 0 V={2*v(out,buf)-i(v1)}+1
G1 0 b VALUE={v(out)*1m}
R8 b 0 1k tol=1 mfg="x y"
V2 s 0 SIN(0 1 1k 1u 2 30)
R7 s b 1k
.ic v(out)=1
.end
"""


def _read_netlist(path: Path) -> None:
    network = read_netlist(path, include=True)
    assert len({e.name for e in network.elements}) == len(network.elements)
    _built(network)


def _read_included(path: Path) -> None:
    """The same lines, of a file that another one includes."""
    main = path.with_name("main.cir")
    main.write_text(f"main\n.include {path.name}\nR99 in 0 1k\n", encoding="utf-8")
    _built(read_netlist(main, include=True))


def _built(network: Network) -> None:
    space = state_space(network)
    assert np.isfinite(space.C).all()
    assert np.isfinite(space.G).all()


TOLERANCES = {
    "tolerances": {"R*": "1 %", "C1": {"sigma": "5 %", "tc1": "100 ppm/K"}, "L?": {"within": 0.1, "tc2": 1e-6}},
    "corners": ["typical", "slow"],
    "temperatures": ["0 degC", 300.15],
    "limits": {"tau": {"max": "2 us"}, "dc(out)": {"min": 0.1, "typ": 0.2, "max": 0.3, "required_yield": "90 %"}},
}


def _read_tolerances(path: Path) -> None:
    found = load_specification(path)
    network = parse_netlist("t\nR1 a 0 1k\nC1 a 0 1n\nL1 a 0 1m\nI1 0 a 1\n").network
    drawn = found.drawn_from.at(found.drawn_from.drawn(network, 0), found.corners[0])
    assert all(np.isfinite(value) for e in drawn.elements if (value := value_of(e)) is not None)


def _circuit_measurement_file() -> bytes:
    path = _FOLDER / "circuit.nc"
    times = np.linspace(0, 1e-6, 5)
    variables = {"v": (("time", "cell"), np.ones((5, 1)), {"units": "V"}), "v0": (("cell",), np.zeros(1))}
    attributes = {"analysis": "tran", "network": "t", "outputs": '["a"]', "warnings": "[]"}
    save_measurement(xr.Dataset(variables, {"time": times, "cell": [0]}, attributes), path)
    return path.read_bytes()


RECORD = {
    "schema": SCHEMA,
    "key": "ab" * 32,
    "status": "done",
    "metrics": {"relative_error": 0.01, "clipped": 0.0},
    "arrays": {"x": [0.5, -0.5], "v": [0.5, None]},
    "engine": "ngspice 39",
    "elapsed_s": 0.1,
}


def _read_record(path: Path) -> None:
    """The text of a row."""
    with Store.opened(_FOLDER) as store:
        store.put(RECORD)
        with closing(sqlite3.connect(_FOLDER / "runs.sqlite", isolation_level=None)) as connection:
            connection.execute("UPDATE runs SET record = CAST(? AS TEXT)", (path.read_bytes(),))
        _get(store)


def _read_store(path: Path) -> None:
    """The whole file."""
    folder = Path(tempfile.mkdtemp(dir=_FOLDER))
    (folder / "runs.sqlite").write_bytes(path.read_bytes())
    with Store.opened(folder) as store:
        _get(store)


def _get(store: Store) -> None:
    record = store.get(str(RECORD["key"]))
    if record is None:
        raise MeasurementError("no run: it is done again")
    assert np.isfinite(list(record["metrics"].values())).all()
    assert all(value is None or math.isfinite(value) for values in record["arrays"].values() for value in values)
    assert isinstance(record.get("reason", ""), str)


def _store_file() -> bytes:
    folder = Path(tempfile.mkdtemp(dir=_FOLDER))
    with Store.opened(folder) as store:
        store.put(RECORD)
    return (folder / "runs.sqlite").read_bytes()


def _dataset(plain: Any) -> xr.Dataset:
    """Whatever of the plain data xarray can hold; the rest never gets as far as a file."""
    try:
        found = xr.Dataset.from_dict(plain)
    except Exception as error:
        raise MeasurementError(f"no data set: {type(error).__name__}") from None
    return found


def _json(data: Any) -> bytes:
    return json.dumps(data).encode()


def _yaml(data: Any) -> bytes:
    return yaml.safe_dump(data, allow_unicode=True).encode()


def _ltspice_file() -> bytes:
    head = "Title: x\nPlotname: Transient Analysis\nFlags: real forward\nNo. Variables: 2\nNo. Points: 3\n"
    head += "Variables:\n\t0\ttime\ttime\n\t1\tV(out0)\tvoltage\nBinary:\n"
    rows = np.array([(0.0, 0.0), (1e-6, 0.5), (2e-6, 0.7)], [("t", "<f8"), ("v", "<f4")])
    return head.encode("utf-16-le") + rows.tobytes()


def _raw_file() -> bytes:
    header = (
        "Title: t\nDate: today\nPlotname: {name}\nFlags: {flags}\nNo. Variables: 2\nNo. Points: 2       \n"
        "Variables:\n\t0\ttime\ttime\n\t1\tv(out0)\tvoltage\nBinary:\n"
    )
    real = header.format(name="Transient Analysis", flags="real").encode() + np.arange(4.0).tobytes()
    return real + header.format(name="AC Analysis", flags="complex").encode() + np.arange(8.0).tobytes()


def _chip() -> Instance:
    return Design.preset("board-1k-1n").sample(Crossbar(2), np.random.default_rng(0), 0)


def _measurement() -> xr.Dataset:
    """A measurement as `simulate` makes it, without the simulator."""
    instance = _chip()
    variables = {
        "A": (("cell", "cell_in"), np.eye(2), {"units": "1"}),
        "b": (("cell",), np.array([0.5, -0.5]), {"units": "V"}),
        "v": (("cell",), np.array([0.5, -0.5]), {"units": "V"}),
    }
    attributes = {
        "analysis": "op", "topology": "crossbar", "n": 2, "level": "macro", "temperature": 300.15,
        "design": json.dumps(instance.design.to_dict()), "instance_digest": instance.digest,
        "conductance_scale": 1.0, "drive_scale": 1.0, "simulator": "ngspice", "simulator_version": "39",
        "warnings": "[]",
    }  # fmt: skip
    return xr.Dataset(variables, {"cell": np.arange(2), "cell_in": np.arange(2)}, attributes)


def _measurement_file() -> bytes:
    path = _FOLDER / "seed.nc"
    save_measurement(_measurement(), path)
    return path.read_bytes()


STUDY = {
    "name": "tolerances",
    "seed": 1,
    "circuit": {
        "design": {"preset": "board-1k-1n", "mismatch": {"resistor_sigma": "1 %"}},
        "topology": "crossbar",
        "analyses": ["op"],
        "size": 2,
    },
    "parameters": {
        "design.mismatch.capacitor_sigma": {"low": "0.05 %", "high": "5 %", "scale": "log"},
        "program.condition": [2, 5.0],
    },
    "method": "latin-hypercube",
    "samples": 3,
    "timeout": 60,
    "limits": [{"metric": "relative_error", "at_most": "5 %"}],
}


CIRCUIT = "t\nV1 in 0 1\nR1 in a 1k\nR2 a b 2k\nC1 a 0 1n\nC2 b 0 1n\n.end\n"
MOMENTS = b"""band low [Hz],band high [kHz],"cov(a,b) [mV^2]",sigma,rms(b) [mV],sigma,rho(a,b)
200,50,4,1,3,0.5,0.25\n5e4,60,4,1,3,0.5,-0.25\n"""
CROSS = b"""frequency [Hz],S(a,a) [V^2/Hz],S(a,b) re [V^2/Hz],S(a,b) im [V^2/Hz]
10,4e-18,1e-18,2e-18\n20,4e-18,1e-18,2e-18\n"""


def _read_circuit_bench(path: Path) -> None:
    circuit = observed(parse_netlist(CIRCUIT).network, "a,b")
    facts = {"probe_gain": 1, "readout_noise": 1e-3, "relative_error": 0.01, "sources": {"V1": 1}}
    for record in read_circuit_lab(Lab.of(facts, path.parent, "lab.yaml"), [path], circuit).records:
        term_of(record)


def _circuit_model() -> dict[str, Any]:
    circuit = observed(parse_netlist(CIRCUIT).network, "a,b")
    model = CircuitModel.nominal(circuit, Tolerances({"R*": Tolerance(sigma=0.01)}), ("readout-gain",), 50.0)
    return model.to_dict(CIRCUIT)


def _read_circuit_model(path: Path) -> None:
    CircuitModel.load(path)


def targets() -> dict[str, Target]:
    """Every reader of a file that a user may hand in, by name."""
    design = Design.preset("cmos-100k-10p").to_dict()
    cascade = Design.preset("board-1k-1n").nominal(Cascade(2, 1)).to_dict()
    device = DeviceModel.nominal(_chip()).to_dict()
    program = Program.from_factors([[0.5, -0.5]], [[1.0]], 0.5, [1.0, 2.0]).to_dict()
    labelled = _measurement().to_dict()
    circuit = _circuit_model()
    found = (
        Target("raw", _raw_file(), _read_raw),
        Target("netlist", NETLIST, _read_netlist),
        Target("included", NETLIST.replace(b"a board", b"* a board"), _read_included),
        Target("tolerances", _yaml(TOLERANCES), _read_tolerances, TOLERANCES, _yaml),
        Target("circuit-measurement", _circuit_measurement_file(), load_circuit_measurement, slow=True),
        Target("csv", b"1,-0.5\n2.5e-3,+4\n", _read_csv),
        Target("lab", _yaml(LAB), _read_lab, LAB, _yaml),
        Target("bench", BENCH, _read_bench),
        Target("moments", MOMENTS, _read_circuit_bench),
        Target("cross", CROSS, _read_circuit_bench),
        Target("circuit", _json(circuit), _read_circuit_model, circuit, _json),
        Target("ltspice", _ltspice_file(), _read_any_raw),
        Target("design", _yaml(design), _read_design, design, _yaml),
        Target("study", _yaml(STUDY), _read_study, STUDY, _yaml),
        Target("record", _json(RECORD), _read_record, RECORD, _json),
        Target("store", _store_file(), _read_store),
        Target("instance", _json(cascade), _read_instance, cascade, _json),
        Target("program", _json(program), _read_program, program, _json),
        Target("device", _json(device), _read_device, device, _json),
        Target("measurement", _measurement_file(), _read_measurement, slow=True),
        Target("labelled", _json(labelled), _read_labelled, labelled, _json),
    )
    return {target.name: target for target in found}
