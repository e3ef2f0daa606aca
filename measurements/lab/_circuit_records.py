"""From files of a bench to what was seen of a circuit of one's own."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, Inexact

from ...circuits import Network
from ...circuits.linear_circuits import Observed
from ...circuits.networks import CurrentSource, VoltageSource
from ...files import joined
from .._exceptions import MeasurementError
from ..layout import Moments
from ._cells import Waveforms, waveforms_of
from ._circuit_columns import named_outputs, output_places
from ._description import Lab, RecordFacts
from ._moment_tables import moments_of, scale_free, unnamed_errors
from ._sources import Source, SourceKind, check_paths, read_source


@dataclass(frozen=True, eq=False)
class CircuitMeasurement:
    """One record of a circuit, in SI units and as the circuit has it: probes are taken out."""

    file: str
    kind: SourceKind
    circuit: Observed
    """As it was driven for this record."""
    outputs: tuple[int, ...]
    """Which of the circuit's outputs the columns of `values` show."""
    axis: Float[np.ndarray, " rows"]
    """Times since the sources stepped [s], or frequencies [Hz]."""
    values: Inexact[np.ndarray, "rows k"]
    readout_sigma: Float[np.ndarray, " k"]
    """Standard deviation of one reading of each output; zero for spectra and responses."""
    relative_sigma: float
    """Of one value of a spectrum or a response, or of a variance; zero for readings."""
    moments: Moments | None = None
    """Of cross-spectra and covariances, which have no `values`."""
    source: str | None = None
    """Whose response it is."""
    held_out: bool = False
    """Kept back from the fit."""

    @property
    def digest(self) -> str:
        """SHA-256 of the numbers."""
        numbers = (self.values, self.axis) if self.moments is None else (self.moments.values, self.moments.sigma)
        hasher = hashlib.sha256(f"{self.kind} {self.outputs} {self.source}".encode())
        for one in numbers:
            hasher.update(np.ascontiguousarray(one).tobytes())
        return hasher.hexdigest()


@dataclass(frozen=True, eq=False)
class CircuitLabData:
    """Records with what is believed of them."""

    records: tuple[CircuitMeasurement, ...]
    believed: str
    unknown: tuple[str, ...]
    """Nuisances that the description asks for."""
    mains: float | None
    notes: tuple[str, ...]


def read_circuit_lab(
    lab: Lab,
    paths: Sequence[Path],
    circuit: Observed,
    more_unknown: Sequence[str] = (),
    also_missing: Sequence[str] = (),
) -> CircuitLabData:
    """Every record, checked; what is missing is asked for all at once.

    Args:
        lab: what the files do not say.
        paths: records: text tables, raw files of ngspice or LTspice.
        circuit: with its outputs and at its temperature.
        more_unknown: nuisances beside those of the description.
        also_missing: what is asked for in the same message.

    Raises:
        MeasurementError: one line with everything that is missing or wrong.
    """
    _check_facts(lab)
    check_paths(paths)
    if ours := [path for path in paths if path.suffix.lower() == ".nc"]:
        raise MeasurementError(
            f"{ours[0]}: a measurement that `simulate` made of a netlist is no record of a bench; give it alone"
        )
    tables = {path: read_source(path, lab.record(path)) for path in paths}
    unknown = tuple(dict.fromkeys((*lab.facts.unknown, *more_unknown)))
    missing = list(dict.fromkeys([*also_missing, *_asked(lab, tables, circuit.network, unknown)]))
    if missing:
        raise MeasurementError(f"{lab.where}: missing: {'; '.join(missing)}; write them there")
    found: list[CircuitMeasurement] = []
    wrong: list[str] = []
    notes: list[str] = []
    for path, table in tables.items():
        try:
            record, told = _measurement(path, table, lab.record(path), circuit)
            found.append(replace(record, held_out=lab.record(path).held_out))
            notes += [f"{path.name}: {note}" for note in told]
        except MeasurementError as error:
            wrong.append(str(error))
    copies = [m.file for k, m in enumerate(found) if m.digest in {other.digest for other in found[:k]}]
    wrong += [f"{name}: holds what another record holds; a copy says no more than its original" for name in copies]
    if wrong:
        raise MeasurementError(joined(list(dict.fromkeys(wrong))))
    return CircuitLabData(tuple(found), _believed(circuit, found), unknown, lab.facts.mains, tuple(notes))


_OF_CHIPS = ("design", "topology", "size", "rank", "level", "matrix", "drive")


def _check_facts(lab: Lab) -> None:
    """Raise `MeasurementError` where the description is of a chip."""
    told = [name for name in _OF_CHIPS if getattr(lab.facts, name) is not None]
    told += ["programs"] if lab.facts.programs else []
    if told:
        raise MeasurementError(
            f"{lab.where}: {', '.join(told)}: belong to a chip of the project's, and these records are of a netlist"
        )


def _asked(lab: Lab, tables: Mapping[Path, Source], network: Network, unknown: Sequence[str]) -> Iterator[str]:
    sources = {e.name: e for e in network.elements if isinstance(e, VoltageSource | CurrentSource)}
    if "hum" in unknown and lab.facts.mains is None:
        yield "mains: 50 Hz or 60 Hz"
    for path, table in tables.items():
        facts = lab.record(path)
        if facts.probe_gain is None and not scale_free(table):
            yield "probe_gain: volts of the record for a volt of the circuit"
        if table.kind in ("tran", "op"):
            if facts.readout_noise is None:
                yield "readout_noise: standard deviation of one reading"
            told = {name.lower() for name in facts.sources or {}}
            waving = [name for name, e in sources.items() if e.waveform is not None and name not in told]
            if table.kind == "tran" and waving:
                yield f"sources: the level that {', '.join(waving)} stepped to in {path.name}"
            elif not any(e.dc for e in sources.values()) and not told and sources:
                yield f"sources: the levels of {', '.join(sources)} in {path.name}, which are zero in the netlist"
        elif facts.relative_error is None and (table.kind != "covariance" or unnamed_errors(table)):
            yield "relative_error: of one value of a spectrum or a response, or of a variance"
        if table.kind == "ac" and facts.input is None and len(sources) > 1:
            yield f"input: the source that {path.name} is the response to, one of {', '.join(sources)}"
        if names := table.unknown_units(facts):
            yield f"units: of {', '.join(names)} in {path.name}"


def _measurement(
    path: Path, table: Source, facts: RecordFacts, circuit: Observed
) -> tuple[CircuitMeasurement, tuple[str, ...]]:
    if facts.noise == "chip":
        raise MeasurementError(
            f"{path}: noise: chip: noisy transients of a netlist are not read; give spectra, cross-spectra or"
            " covariances of them"
        )
    driven = _driven(path, circuit, facts)
    gain = _gains(path, facts, len(circuit.labels))
    if table.kind in ("cross", "covariance"):
        moments = moments_of(path, table, facts, named_outputs(circuit.labels, facts), gain)
        outputs = tuple(sorted({*moments.first.tolist(), *moments.second.tolist()}))
        relative = facts.relative_error or 0.0
        nothing = np.zeros((0, 0))
        record = CircuitMeasurement(
            path.name, table.kind, driven, outputs, np.zeros(0), nothing, np.zeros(0), relative, moments
        )
        return record, ()
    outputs, places = output_places(path, table, facts, circuit.labels)
    waves = waveforms_of(path, table, places, facts)
    if table.kind == "op" and len(waves.cells) != 1:
        raise MeasurementError(f"{path}: expected one row, an operating point, got {len(waves.cells)}")
    mine = gain[list(outputs)]
    readout = facts.readout_noise is not None and table.kind in ("tran", "op")
    return (
        CircuitMeasurement(
            path.name,
            table.kind,
            driven,
            outputs,
            waves.axis,
            _at_the_circuit(waves, mine),
            (facts.readout_noise or 0.0) / mine if readout else np.zeros(len(outputs)),
            0.0 if readout else facts.relative_error or 0.0,
            source=_input(path, facts, circuit.network) if table.kind == "ac" else None,
        ),
        waves.notes,
    )


def _at_the_circuit(waves: Waveforms, gain: Float[np.ndarray, " k"]) -> Inexact[np.ndarray, "rows k"]:
    return np.asarray(waves.cells / (gain**2 if waves.kind == "noise" else gain))


def _gains(path: Path, facts: RecordFacts, n: int) -> Float[np.ndarray, " n"]:
    gains = np.atleast_1d(np.asarray(1.0 if facts.probe_gain is None else facts.probe_gain, dtype=float))
    if len(gains) not in (1, n):
        raise MeasurementError(f"{path}: probe_gain: expected one number, or {n}, one for each output")
    return np.array(np.broadcast_to(gains, (n,)))


def _driven(path: Path, circuit: Observed, facts: RecordFacts) -> Observed:
    """The circuit with its sources as the record was driven."""
    if not facts.sources:
        return circuit
    levels = {name.lower(): level for name, level in facts.sources.items()}
    known = [e.name for e in circuit.network.elements if isinstance(e, VoltageSource | CurrentSource)]
    if wrong := [name for name in levels if name not in known]:
        shown = f"one of {', '.join(known)}" if known else "none: the netlist has no sources"
        raise MeasurementError(f"{path}: sources: expected {shown}, got {', '.join(wrong)}")
    return with_levels(circuit, levels)


def with_levels(circuit: Observed, levels: Mapping[str, float]) -> Observed:
    """The circuit with some of its sources at other levels [V, A], constant ones."""
    elements = tuple(
        replace(e, dc=levels[e.name], waveform=None)
        if isinstance(e, VoltageSource | CurrentSource) and e.name in levels
        else e
        for e in circuit.network.elements
    )
    return replace(circuit, network=replace(circuit.network, elements=elements))


def _input(path: Path, facts: RecordFacts, network: Network) -> str:
    known = [e.name for e in network.elements if isinstance(e, VoltageSource | CurrentSource)]
    if not known:
        raise MeasurementError(f"{path}: a response is to a source, and the netlist has none")
    name = known[0] if facts.input is None else facts.input.lower()
    if name not in known:
        raise MeasurementError(f"{path}: input: expected one of {', '.join(known)}, got {facts.input!r}")
    return name


def _believed(circuit: Observed, records: Sequence[CircuitMeasurement]) -> str:
    """Which circuit the measurements are taken to be of."""
    network = circuit.network
    levels: dict[str, set[float]] = {}
    for record in records:
        for e in record.circuit.network.elements if record.kind in ("tran", "op") else ():
            if isinstance(e, VoltageSource | CurrentSource):
                levels.setdefault(e.name, set()).add(float(e.dc))
    driven = "".join(f", {name} at {_range(found)}" for name, found in levels.items())
    return (
        f"netlist {network.name} with {len(network.elements)} elements at {float(network.temperature):g} K, outputs"
        f" {', '.join(circuit.labels)}{driven}"
    )


def _range(levels: set[float]) -> str:
    low = min(levels)
    high = max(levels)
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
