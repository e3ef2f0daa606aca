"""What a simulation will take, said before it begins: time and memory, to a factor of about three."""

import os
from collections import Counter
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np

from ...circuits import Instance, Network, Program
from ...circuits.networks import GROUND, Capacitor, Inductor, OpAmp, Resistor
from ...files.quantities import duration_text
from ...measurements import Analysis
from .._exceptions import NetlistError
from ..decks import NOISE_RUNS_PER_PROCESS

LONG, LARGE = 60.0, 1e9
"""Time [s] and memory [byte] from which on it is said."""

TIMEOUT = 300.0
"""Of a simulator's process, where no longer time is foreseen [s]."""

_MARGIN = 3.0
"""How far a forecast may be off."""

# Of a core of the kind that `benchmarks/bench_growth.py` prints; ngspice with SPARSE 1.3.
_ORDERING, _BEYOND_CACHE, _LARGE_CORE = 2e-8, 10.0, 420
_POINT, _POINTS = 3e-10, {"op": 0, "ac": 1000, "tran": 5000, "noise": 250}
_NOISY_POINT = 4e-7
"""Time of a point for each element with its random source [s]."""

_POINTS_PER_HOLD = 5
"""Points for each value that such a source holds."""
_OWN = 6e-9
_DEGREE = 16
"""Resistors at a node from which on elimination fills its row."""

_ELEMENT, _STATE, _PYTHON = 4e3, 170.0, 2.5e8
"""Bytes of an element, of each pair of states, of the program itself."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Of one simulation. `simulator` [s]: one of its processes; `processes`: how many of them; `own` [s]: the linear
    analysis before; `memory`: byte."""

    simulator: float
    own: float
    memory: float
    processes: int = 1

    @property
    def whole(self) -> float:
        """Time of everything, side by side on the cores of this machine [s]."""
        return self.own + self.simulator * ceil(self.processes / (os.cpu_count() or 1))

    @property
    def timeout(self) -> float:
        """Time to grant to each of the simulator's processes [s]."""
        return max(TIMEOUT, _MARGIN * self.simulator)

    @property
    def text(self) -> str | None:
        """A sentence on what is long or large; None where nothing is."""
        if self.whole < LONG and self.memory < LARGE:
            return None
        memory = f" and {self.memory / 1e9:.2g} GB of memory" if self.memory else ""
        return f"this takes about {duration_text(self.whole)}{memory}"

    def check(self, timeout: float | None = None) -> None:
        """Raise `NetlistError` with the number for what does not fit into the free memory or into a time limit [s]."""
        check_memory(self.memory)
        if timeout is not None and self.simulator > _MARGIN * timeout:
            raise NetlistError(
                f"timeout: the simulator takes about {duration_text(self.simulator)}, and its limit is {timeout:g} s:"
                " give it more time, or take fewer cells"
            )


def forecast(network: Network, analysis: Analysis) -> Forecast:
    """What an analysis of a circuit takes on one core; a circuit that stays sparse takes next to nothing."""
    core, states = _core(network), _states(network)
    beyond = _BEYOND_CACHE if core > _LARGE_CORE else 1.0
    simulator = beyond * core**3 * (_ORDERING + _POINT * _POINTS[analysis])
    processes = 1
    if analysis == "noise":
        # A spectrum for each two readouts, many in each process.
        n = len(network.outputs)
        spectra = n * (n + 1) // 2
        processes = ceil(spectra / NOISE_RUNS_PER_PROCESS)
        simulator *= spectra / processes
    memory = _PYTHON + _ELEMENT * len(network.elements) + (_STATE * states**2 if core else 0.0)
    return Forecast(simulator, _OWN * states**3 if core else 0.0, memory, processes)


def forecast_of_noise(network: Network, holds: float, runs: int) -> Forecast:
    """What transients with random sources take, each of which holds so many values; the linear analysis aside."""
    each = _NOISY_POINT * len(network.elements) + _POINT * _core(network) ** 3
    memory = _PYTHON + _ELEMENT * len(network.elements) + 8.0 * holds * _POINTS_PER_HOLD * (len(network.outputs) + 1)
    return Forecast(_POINTS_PER_HOLD * holds * each, 0.0, memory, runs)


def check_size(instance: Instance, program: Program) -> None:
    """Raise `NetlistError` where the circuit of a program has more elements than memory is free for."""
    arrays = instance.topology.weights(program).values()
    check_memory(_PYTHON + _ELEMENT * sum(np.count_nonzero(np.asarray(values, dtype=float)) for values in arrays))


def check_memory(wanted: float) -> None:
    """Raise `NetlistError` with the number for more bytes than are free."""
    free = free_memory()
    if free is not None and wanted > free:
        raise NetlistError(
            f"size: this takes about {wanted / 1e9:.3g} GB of memory, and {free / 1e9:.3g} GB are free: take fewer"
            " cells"
        )


def free_memory() -> float | None:
    """Memory that a new process can have [byte]; None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return 1024 * float(found[0]) if found else None


def _core(network: Network) -> int:
    """Nodes whose rows an elimination fills: those of an array."""
    degree = Counter(node for e in network.elements if isinstance(e, Resistor) for node in (e.a, e.b))
    degree.pop(GROUND, None)
    return sum(count > _DEGREE for count in degree.values())


def _states(network: Network) -> int:
    amplifiers = sum(isinstance(e, OpAmp) and e.model is not None for e in network.elements)
    return sum(isinstance(e, Capacitor | Inductor) for e in network.elements) + 2 * amplifiers
