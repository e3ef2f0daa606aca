"""Lab data of a circuit of one's own: which netlist, and what was seen of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...behavioral.circuit_calibration import check_readouts
from ...circuits import read_netlist
from ...circuits.linear_circuits import Observed, split_outputs
from ...measurements import MeasurementError
from ...measurements.lab import CircuitLabData, Lab, read_circuit_lab
from .._exceptions import InputError
from ._lab import described
from ._own_circuits import get_circuit


@dataclass(frozen=True, slots=True)
class CircuitFiles:
    """A netlist with its outputs and its tolerances, by the command line and the description together."""

    netlist: Path | None
    outputs: str | None
    tolerances: Path | None
    temperature: float | None
    include: bool = False
    """Whether the netlist's own included files may be read."""


def with_description(lab: Lab, given: CircuitFiles) -> CircuitFiles:
    """What was given, and what the description says where nothing was.

    Raises:
        InputError: one that contradicts the other; all of it.
    """
    facts = lab.facts
    told = CircuitFiles(
        None if facts.netlist is None else lab.folder / facts.netlist,
        ",".join(facts.outputs) if isinstance(facts.outputs, list) else facts.outputs,
        None if facts.tolerances is None else lab.folder / facts.tolerances,
        facts.temperature,
        given.include,
    )
    for name in CircuitFiles.__slots__:
        mine = getattr(given, name)
        other = getattr(told, name)
        if mine is not None and other is not None and _plain(mine) != _plain(other):
            raise InputError(f"--{name}: {lab.where} says {other}, and {mine} was given")
    pairs = {name: (getattr(given, name), getattr(told, name)) for name in CircuitFiles.__slots__}
    return CircuitFiles(**{name: theirs if mine is None else mine for name, (mine, theirs) in pairs.items()})


def _plain(value: Path | str | float) -> object:
    if isinstance(value, Path):
        return value.resolve()
    return tuple(part.lower() for part in split_outputs(value)) if isinstance(value, str) else value


def says_netlist(paths: Sequence[Path]) -> bool:
    """Whether the description of records is of a netlist."""
    return bool(paths) and described(paths)[0].facts.netlist is not None


def circuit_of(files: CircuitFiles, wanted: Sequence[str]) -> tuple[Observed, list[str]]:
    """The circuit at its temperature, with every node where no outputs are given; and what of it is missing.

    Args:
        files: the netlist and what belongs to it.
        wanted: which of `outputs` and `tolerances` are needed.
    """
    assert files.netlist is not None
    network = read_netlist(files.netlist, files.include, temperature=files.temperature)
    missing = []
    if files.outputs is None and "outputs" in wanted:
        nodes = ", ".join(network.nodes[:12]) + (" ..." if len(network.nodes) > 12 else "")
        missing.append(f"--outputs (or outputs): nodes of {files.netlist}, which has {nodes}")
    if files.tolerances is None and "tolerances" in wanted:
        missing.append("--tolerances (or tolerances): a YAML file, such as one with `tolerances: {R*: 1 %}`")
    if files.outputs is None:
        return Observed(network, network.nodes), missing
    # read at that temperature: with it go the values of elements that have coefficients
    return get_circuit(files.netlist, files.outputs, files.include, temperature=files.temperature), missing


def load_of_circuit(
    lab: Lab, records: Sequence[Path], circuit: Observed, nuisances: Sequence[str], missing: Sequence[str]
) -> CircuitLabData:
    """Records of a circuit; `missing` is what is asked for besides.

    Raises:
        MeasurementError: what is missing or wrong, all of it in one line.
        InputError: an unknown of the bench that there is not.
    """
    wanted = nuisance_names(nuisances)
    try:
        check_readouts(lab.facts.unknown)
    except MeasurementError as error:
        raise MeasurementError(f"{lab.where}: {error}") from None
    return read_circuit_lab(lab, records, circuit, wanted, missing)


def nuisance_names(names: Sequence[str]) -> tuple[str, ...]:
    """Kinds of unknowns of a bench, with commas between them or one by one.

    Raises:
        InputError: an unknown name.
    """
    try:
        return check_readouts([part for name in names for part in name.split(",")])
    except MeasurementError as error:
        text = str(error).removeprefix("unknown: ")
        raise InputError(f"--nuisance: {text}") from None
