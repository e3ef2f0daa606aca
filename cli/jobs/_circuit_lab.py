"""Records of a bench against a circuit of one's own: fitted, and judged."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...behavioral.circuit_calibration import (
    CircuitCalibration,
    CircuitModel,
    Term,
    calibrate_circuit,
    further_experiments,
    term_of,
)
from ...behavioral.circuit_calibration import holds_circuit_model as holds_circuit_model
from ...circuits import Network, read_netlist
from ...circuits.linear_circuits import Observed
from ...circuits.spice_files import netlist_text
from ...circuits.tolerances import load_specification
from ...files import joined, write_json
from ...measurements import MeasurementError
from ...measurements.lab import CircuitLabData, CircuitMeasurement
from ...netlists.simulators import versions
from ...reports.wording import counted
from .._exceptions import InputError
from ..circuit_views import circuit_calibration as fits
from ..circuit_views import circuit_lab as view
from ..frame import Job
from ..inputs import circuit_lab as inputs
from ..inputs import lab as lab_files

CircuitFiles = inputs.CircuitFiles

_MOST_NAMED = 5


def calibrate_on_bench(
    this: Job,
    files: Sequence[Path],
    given: inputs.CircuitFiles,
    nuisances: Sequence[str],
    held_out: int,
) -> None:
    """The elements of a netlist from records of a bench, and what those that were kept back say of them."""
    lab, records = lab_files.described(files)
    netlist, circuit, data = _loaded(lab, records, given, nuisances, ("outputs", "tolerances"))
    assert netlist.tolerances is not None
    assert netlist.netlist is not None
    tolerances = load_specification(netlist.tolerances).drawn_from
    fitted, kept = _split(data, held_out)
    terms = _terms(fitted)
    this.say(f"believed: {data.believed}")
    with this.step(f"{counted(len(terms), 'record')} of {circuit.network.name}"):
        found = calibrate_circuit(circuit, tolerances, terms, data.unknown, data.mains)
        model = CircuitModel.of(found, circuit, data.unknown, {one.file: one.digest for one in fitted})
        checks = model.judged(_terms(kept)) if kept else []
        # What a wrong netlist leaves open says nothing of the circuit.
        experiments = [] if found.contradicted else further_experiments(found, circuit)
    model.save(this.folder / "device.json", netlist_text(netlist.netlist))
    write_json(this.folder / "elements.json", fits.elements(found, None))
    fits.write(found, None, this.folder)
    rows = view.residuals(found, fitted, kept, checks)
    write_json(this.folder / "residuals.json", rows)
    write_json(this.folder / "experiments.json", view.experiments(experiments))
    failed = found.contradicted or not all(check.passed for check in checks)
    summary = {
        "netlist": str(netlist.netlist),
        "outputs": list(circuit.labels),
        "believed": data.believed,
        **fits.summary(found, None),
        **view.summary(found, rows, experiments, data.notes),
        "device": "device.json",
        "versions": versions(),
    }
    summary["passed"] = not failed
    this.finish(summary, exit_code=int(failed))
    _show(this, found, rows, [*data.notes, *view.told(found, experiments)])


def verify_on_bench(
    this: Job, files: Sequence[Path], given: inputs.CircuitFiles, nuisances: Sequence[str] = ()
) -> None:
    """Records of a bench against a netlist as it is, of which nothing is known but its tolerances."""
    lab, records = lab_files.described(files)
    netlist, circuit, data = _loaded(lab, records, given, nuisances, ("outputs",))
    tolerances = None if netlist.tolerances is None else load_specification(netlist.tolerances).drawn_from
    model = CircuitModel.nominal(circuit, tolerances, data.unknown, data.mains)
    _judge(this, model, data, f"netlist {netlist.netlist}")


def verify_device_on_bench(this: Job, device: Path, files: Sequence[Path]) -> None:
    """Records of a bench against a calibrated netlist."""
    model = CircuitModel.load(device)
    lab, records = lab_files.described(files)
    if lab.facts.netlist is not None:
        name = Path(lab.facts.netlist).stem
        if name != model.circuit.network.name:
            raise InputError(f"--device: is of netlist {model.circuit.network.name}, and {lab.where} says {name}")
        _refuse_edited(model.circuit.network, lab.folder / lab.facts.netlist)
    told = inputs.with_description(lab, inputs.CircuitFiles(None, ",".join(model.circuit.labels), None, None))
    circuit = model.circuit
    if told.temperature is not None:
        path = None if lab.facts.netlist is None else lab.folder / lab.facts.netlist
        circuit = replace(circuit, network=_warmed(circuit.network, told.temperature, path))
    # The bench's unknowns are those that were fitted.
    data = inputs.load_of_circuit(lab, records, circuit, model.unknown, ())
    _judge(this, replace(model, circuit=circuit, unknown=data.unknown), data, str(device))


def _refuse_edited(network: Network, path: Path) -> None:
    """The file may be gone, since the device has the circuit; where it is there, it has to be that circuit."""
    if not path.exists():
        return
    names = _differing(network, read_netlist(path, include=True, temperature=network.temperature))
    if names:
        raise InputError(
            f"--device: {path} is no longer the netlist that was calibrated: {', '.join(names[:_MOST_NAMED])} differ;"
            " calibrate it again"
        )


def _warmed(network: Network, temperature: float, path: Path | None) -> Network:
    """Values at one temperature are not known from those at another: where there are coefficients it is refused."""
    if temperature != network.temperature and path is not None and path.exists():
        names = _differing(network, read_netlist(path, include=True, temperature=temperature))
        if names:
            raise InputError(
                f"--device: was calibrated at {network.temperature:g} K, and at {temperature:g} K"
                f" {', '.join(names[:_MOST_NAMED])} of {path} have other values; calibrate it at that temperature"
            )
    return replace(network, temperature=temperature)


def _differing(network: Network, other: Network) -> list[str]:
    """Names of elements that are not the same in both."""
    before = {element.name: element for element in network.elements}
    changed = [element.name for element in other.elements if before.pop(element.name, None) != element]
    return [*changed, *before]


def _loaded(
    lab: Any,
    records: Sequence[Path],
    given: inputs.CircuitFiles,
    nuisances: Sequence[str],
    needed: Sequence[str],
) -> tuple[inputs.CircuitFiles, Observed, CircuitLabData]:
    files = inputs.with_description(lab, given)
    if files.netlist is None:
        raise InputError("--netlist: expected a SPICE file, or `netlist` in the description of the records")
    circuit, missing = inputs.circuit_of(files, needed)
    return files, circuit, inputs.load_of_circuit(lab, records, circuit, nuisances, missing)


def _split(data: CircuitLabData, held_out: int) -> tuple[list[CircuitMeasurement], list[CircuitMeasurement]]:
    """What is fitted, and what is kept back: what the description says, and so many of the last ones."""
    kept = [one for one in data.records if one.held_out]
    others = [one for one in data.records if not one.held_out]
    if held_out >= len(others):
        raise InputError(
            f"--held-out: expected less than the {len(others)} records, got {held_out}: nothing is left to fit"
        )
    last = others[len(others) - held_out :]
    return others[: len(others) - held_out], [*kept, *last]


def _terms(records: Sequence[CircuitMeasurement]) -> list[Term]:
    terms = []
    wrong = []
    for record in records:
        try:
            terms.append(term_of(record))
        except MeasurementError as error:
            wrong.append(str(error))
    if wrong:
        raise MeasurementError(joined(wrong))
    return terms


def _judge(this: Job, model: CircuitModel, data: CircuitLabData, what: str) -> None:
    this.say(f"believed: {data.believed}, as {what}")
    with this.step(f"{counted(len(data.records), 'record')} against {what}"):
        checks = model.judged(_terms(data.records))
    rows = view.rows(model.circuit, data.records, checks)
    fitted = set((model.records or {}).values())
    seen = [one.file for one in data.records if one.digest in fitted]
    write_json(this.folder / "fidelity.json", rows)
    failed = sum(not row["passed"] for row in rows)
    told = {"fitted": seen} if seen else {}
    this.show(view.judged_table(rows))
    if seen:
        this.say(f"warning: {', '.join(seen)} took part in the calibration, and proves nothing here")
    for line in [*data.notes, *view.hints(model, data.records, checks)]:
        this.say(line)
    verdict = "contradicted" if failed else "consistent"
    this.finish(
        {
            "passed": len(rows) - failed,
            "failed": failed,
            "verdict": verdict,
            "rows": rows,
            "believed": data.believed,
            "notes": data.notes,
            **told,
            "versions": versions(),
        },
        exit_code=1 if failed else 0,
    )


def _show(this: Job, found: CircuitCalibration, rows: Sequence[dict[str, Any]], lines: Sequence[str]) -> None:
    this.show(fits.table(found, None))
    if found.bench:
        this.show(view.bench_table(found))
    this.show(view.residual_table(rows))
    for line in [*fits.told(found), *lines]:
        this.say(line)
