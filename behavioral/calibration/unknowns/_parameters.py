"""The unknowns of a calibration: every deviation of the chip, the amplifier and the noise, in units of their prior."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int, Shaped

from ....circuits import Design, DifferentialRCMesh, Instance, Level, Network, Program, Scaling, Topology
from ....circuits.networks import BOLTZMANN, cell_nodes
from ....circuits.topologies import ArrayTopology, ResistorArray, Values, Weights, load
from ..derivatives import AMPLIFIER_NOISE, Dual, DualArray
from ._bench import Bench

AMPLIFIER_SPREADS: Mapping[str, float] = MappingProxyType({"gain": 0.5, "gain_bandwidth": 0.2})
"""Prior standard deviations of the logarithms: data sheets give a typical gain and a minimum of about half of it, and a
gain-bandwidth typical over process and temperature."""

TRANSISTOR_SPREADS: Mapping[str, float] = MappingProxyType(
    {**AMPLIFIER_SPREADS, "output_resistance": 0.5, "noise_voltage": 0.3, "noise_corner": 2.0}
)
"""A circuit of transistors has more poles than the macro-model, and 1/f noise."""

TRANSISTOR_CORNER = 1e4
"""Where the search for the corner of a design's transistors starts when the design says nothing of it [Hz]."""

PARASITIC_SPREAD = 0.02
"""Prior standard deviation of what transistors add to every cell's capacitance, relative."""

NOISE_SPREAD = 0.5
"""Prior standard deviation of log(noise scale)."""

_FARTHEST = 15.0
"""Prior standard deviations that a fit may try; no chip is there."""


@runtime_checkable
class Loaded(Protocol):
    """What was measured: a program, how it was loaded, and the record's name."""

    @property
    def name(self) -> str:
        """Digest of the measurement."""
        ...

    @property
    def program(self) -> Program:
        """What was loaded."""
        ...

    @property
    def scaling(self) -> Scaling:
        """How."""
        ...


@dataclass(frozen=True, eq=False)
class Parameters:
    """z (p,), each N(0, 1/precision) a priori. Deviations with tolerance zero are not unknown.

    The deviations come first, then what is common to the whole chip (`shared`), then the bench's, each by its index
    into z.
    """

    design: Design
    topology: Topology
    level: Level
    index: Mapping[str, Int[np.ndarray, "..."]]
    """Index into z of each deviation, -1 where it is fixed at zero."""
    shared: Mapping[str, int]
    """Logarithms of amplifier values and of `noise_scale`, and `parasitic`, a part of every cell's capacitance."""
    sigma: Float[np.ndarray, " p"]
    """Prior standard deviation of each: relative, V for offsets, of the logarithm where shared."""
    names: tuple[str, ...]
    bench: Bench
    precision: Float[np.ndarray, " p"] = field(default_factory=lambda: np.ones(0))
    """Of z a priori; one where the design's tolerance is believed, less where the chip shows that it is too small."""

    @classmethod
    def of(
        cls,
        design: Design,
        topology: Topology,
        level: Level,
        nuisances: Sequence[str] = (),
        data: Sequence[Loaded] = (),
        probed: Sequence[str] = (),
    ) -> "Parameters":
        """With kinds of nuisances switched on, or only tried (`probed`), for what was measured."""
        sigmas = topology.error_sigmas(design.tolerances)
        index: dict[str, Int[np.ndarray, ...]] = {}
        names: list[str] = []
        sigma: list[float] = []
        for name, shape in topology.error_shapes().items():
            array = np.full(shape, -1)
            for entry in _free(shape, name in topology.mirrored) if sigmas[name] > 0 else ():
                array[entry] = len(names)
                names.append(f"{name}[{','.join(map(str, entry))}]")
                sigma.append(sigmas[name])
            index[name] = array
        spreads = _shared_spreads(level, index, design)
        shared = {name: len(names) + k for k, name in enumerate(spreads)}
        names += spreads
        sigma += spreads.values()
        nominal = design.nominal(topology)
        circuits = [nominal.network(run.program, level, run.scaling) for run in data if nuisances or probed]
        records = [run.name for run in data]
        bench = Bench.of(design, topology.n, nuisances, probed, circuits, records, len(names))
        every = np.array([*sigma, *bench.sigma])
        return cls(design, topology, level, index, shared, every, (*names, *bench.names), bench, np.ones(len(every)))

    def extended(self, data: Sequence[Loaded], nuisances: Sequence[str], probed: Sequence[str]) -> "Parameters":
        """The same unknowns, with the same indices, and after them those of kinds that are only tried."""
        more = Parameters.of(self.design, self.topology, self.level, nuisances, data, probed)
        precision = np.ones(more.size)
        precision[: self.size] = self.precision
        return replace(more, precision=precision)

    def with_baselines(self, record: str) -> "Parameters":
        """And after them the baseline of each cell in one record, which is only tried."""
        bench = self.bench.with_baselines(record, self.topology.n, self.size)
        more = len(bench.names) - len(self.bench.names)
        names = (*self.names, *bench.names[-more:])
        sigma = np.append(self.sigma, bench.sigma[-more:])
        return replace(self, names=names, sigma=sigma, bench=bench, precision=np.append(self.precision, np.ones(more)))

    @property
    def size(self) -> int:
        return len(self.names)

    @property
    def deviations(self) -> int:
        """How many of them belong to one component each."""
        return self.size - len(self.shared) - len(self.bench.names)

    @property
    def first_of_bench(self) -> int:
        """Index of the bench's first unknown."""
        return self.size - len(self.bench.names)

    def possible(self, z: Float[np.ndarray, " p"]) -> bool:
        """Whether every component is still positive and no value is absurdly far from its design."""
        return bool((np.abs(z) <= _FARTHEST).all() and ((self.sigma * z)[: self.deviations] > -0.9).all())

    def factor(self, name: str, z: Float[np.ndarray, " p"]) -> float:
        """By which a shared value differs from its design; one where it is not unknown."""
        return float(np.exp(self._log(name, z))) if name in self.shared else 1.0

    def errors(self, z: Float[np.ndarray, " p"]) -> dict[str, Float[np.ndarray, "..."]]:
        """Deviations of the chip."""
        errors = self.spread(self.sigma * z)
        if "parasitic" in self.shared:
            errors["capacitance"] = errors["capacitance"] + self._log("parasitic", z)
        return errors

    def spread(self, values: Float[np.ndarray, " p"]) -> dict[str, Float[np.ndarray, "..."]]:
        """One number for each unknown, in the shapes of the deviations; zero where there is none."""
        padded = np.append(values, 0.0)
        return {name: self._full(name, padded[where]) for name, where in self.index.items()}

    def standard_errors(self, covariance: Float[np.ndarray, "p p"]) -> dict[str, Float[np.ndarray, "..."]]:
        """Of `errors`, for a covariance of z."""
        scaled = covariance * np.outer(self.sigma, self.sigma)
        variance = np.diag(scaled).copy()
        if "parasitic" in self.shared:
            k, own = self.shared["parasitic"], self.index["capacitance"]
            variance[own[own >= 0]] += (2 * scaled[k] + scaled[k, k])[own[own >= 0]]
        return self.spread(np.sqrt(np.clip(variance, 0.0, None)))

    def mirrored(self, z: Float[np.ndarray, "*batch p"]) -> Float[np.ndarray, "*batch p"] | None:
        """Another chip that no measurement tells from this one; None where there is no such pair.

        The rails of a differential mesh are read by their difference: with p and m exchanged everywhere (and the
        offsets' signs), everything that is read is the same.
        """
        if not isinstance(self.topology, DifferentialRCMesh):
            return None
        other, sign = np.arange(self.size), np.ones(self.size)
        for name, where in self.index.items():
            known = where[0] >= 0
            other[where[0][known]], other[where[1][known]] = where[1][known], where[0][known]
            sign[where[:, known].ravel()] = -1.0 if name == "offset" else 1.0
        for k, twin in self.bench.mirrored().items():
            other[k] = twin
        return np.asarray(sign * z[..., other])

    def instance(self, z: Float[np.ndarray, " p"]) -> Instance:
        """The chip, its design with the amplifier's inferred values."""
        design = self.design
        if self.level != "ideal" and design.amplifier is not None:
            values = {name: self._nominal(name) * self.factor(name, z) for name in self._amplifier}
            # A gain of one or less is no amplifier.
            values["gain"] = max(values["gain"], 1 + 1e-9)
            design = design.model_copy(update={"amplifier": design.amplifier.model_copy(update=values)})
        return Instance(design, self.topology, self.errors(z), parasitics=self.bench.parasitics(z))

    def dual_network(self, z: Float[np.ndarray, " p"], program: Program, scaling: Scaling) -> Network:
        """The circuit with every value a dual number in z."""
        weights = self._weights(program, scaling)
        values = self._dual_values(z)
        errors = self._dual_errors(z)
        network = self.topology.network(values, errors, weights, scaling.conductance * scaling.drive * program.b)
        return self.bench.parasitics(z, dual=True).applied(network)

    def dual_circuit(
        self, z: Float[np.ndarray, " p"], program: Program, scaling: Scaling
    ) -> tuple[Network, DualArray | None]:
        """The same, the resistors of its array as numbers beside it where the topology has one."""
        if not isinstance(self.topology, ArrayTopology):
            return self.dual_network(z, program, scaling), None
        weights = self._weights(program, scaling)
        resistors = self.topology.array(weights)
        parasitics = self.bench.parasitics(z, dual=True)
        values = self._dual_values(z)
        errors = self._dual_errors(z, known=resistors.error)
        cells = self.topology.cells(values, errors, weights, scaling.conductance * scaling.drive * program.b)
        array = self._array(z, resistors).with_noise_of(cell_nodes(cells), parasitics.noise)
        return parasitics.applied(cells), array

    def _weights(self, program: Program, scaling: Scaling) -> Weights:
        return load(self.design.programming, self.topology, program, scaling.conductance).weights

    def _dual_values(self, z: Float[np.ndarray, " p"]) -> Values:
        values = self.design.values(self.level)
        if values.amplifier is None:
            return values
        changed = {name: self._warm(name) * self._dual(name, z).exp() for name in self._amplifier}
        noise = changed.get("noise_voltage", Dual(float(values.amplifier.noise_voltage), {}))
        changed["noise_voltage"] = noise * Dual.variable(1.0, AMPLIFIER_NOISE)
        return replace(values, amplifier=replace(values.amplifier, **changed))

    def _dual_errors(self, z: Float[np.ndarray, " p"], known: str = "") -> dict[str, Shaped[np.ndarray, "..."]]:
        """Deviations; those of an array that is not wired are zero."""
        errors: dict[str, Any] = {
            name: np.zeros(where.shape) if name == known else self._duals(where, z)
            for name, where in self.index.items()
        }
        if "parasitic" in self.shared:
            errors["capacitance"] = errors["capacitance"] + self._dual("parasitic", z)
        return errors

    def _array(self, z: Float[np.ndarray, " p"], array: ResistorArray) -> DualArray:
        values = self.design.values(self.level)
        where = self.index[array.error].ravel()[array.entry]
        spread = np.where(where >= 0, self.sigma[where], 0.0)
        relative: Float[np.ndarray, " k"] = 1 + spread * z[where]
        programmed = values.R0 / (array.weight * relative)
        conductance = 1 / (programmed + values.switch_resistance)
        slope = conductance**2 * programmed * spread / relative
        kT = BOLTZMANN * values.temperature
        return DualArray(array.a, array.b, where, conductance, slope, kT)

    def corner(self, z: Float[np.ndarray, " p"]) -> tuple[float, float] | None:
        """Corner and lowest frequency of the amplifiers' 1/f noise [Hz]; None without any."""
        amplifier = self.design.amplifier
        if amplifier is None or self.level == "ideal":
            return None
        corner = self._warm("noise_corner") * self.factor("noise_corner", z)
        return (corner, amplifier.noise_lowest) if corner > 0 else None

    def _nominal(self, name: str) -> float:
        value = float(getattr(self.design.amplifier, name))
        return TRANSISTOR_CORNER if name == "noise_corner" and value == 0 and name in self.shared else value

    def _warm(self, name: str) -> float:
        """At the design's temperature: measurements of one temperature tell its values, not their coefficients."""
        return self._nominal(name) * self.design.tempco.amplifier_factors(self.design.temperature)[name]

    @property
    def _amplifier(self) -> tuple[str, ...]:
        return tuple(name for name in TRANSISTOR_SPREADS if name in self.shared)

    def _log(self, name: str, z: Float[np.ndarray, " p"]) -> float:
        k = self.shared[name]
        return float(self.sigma[k] * z[k])

    def _dual(self, name: str, z: Float[np.ndarray, " p"]) -> Dual:
        k = self.shared[name]
        return Dual.variable(self._log(name, z), k, float(self.sigma[k]))

    def _duals(self, where: Int[np.ndarray, "..."], z: Float[np.ndarray, " p"]) -> Shaped[np.ndarray, "..."]:
        duals = np.zeros(where.shape, dtype=object)
        for entry in np.ndindex(where.shape):
            k = int(where[entry])
            duals[entry] = Dual.variable(float(self.sigma[k] * z[k]), k, float(self.sigma[k])) if k >= 0 else 0.0
        return duals

    def _full(self, name: str, values: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        return values + np.swapaxes(values, -1, -2) if name in self.topology.mirrored else values


def _shared_spreads(level: Level, index: Mapping[str, Int[np.ndarray, "..."]], design: Design) -> dict[str, float]:
    amplifier = {"ideal": {}, "macro": AMPLIFIER_SPREADS, "transistor": TRANSISTOR_SPREADS}[level]
    parasitic = {"parasitic": PARASITIC_SPREAD} if level == "transistor" and "capacitance" in index else {}
    found = {**amplifier, **parasitic, "noise_scale": NOISE_SPREAD}
    if design.amplifier is not None and design.amplifier.circuit is not None and design.amplifier.noise_corner == 0:
        # That its subcircuit has no 1/f noise was measured.
        found.pop("noise_corner", None)
    return found


def _free(shape: tuple[int, ...], mirrored: bool) -> list[tuple[int, ...]]:
    return [entry for entry in np.ndindex(*shape) if not mirrored or entry[-2] > entry[-1]]
