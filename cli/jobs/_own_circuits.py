"""What the commands do with a circuit of one's own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import typer

from ...reports.wording import counted
from .._exceptions import InputError
from ..frame import Job, Pair, refuse_beside, written

_BELONG = ("outputs", "include", "tolerances", "input", "instances")


@dataclass(frozen=True, slots=True)
class CircuitOptions:
    """Which circuit."""

    netlist: Path
    outputs: str | None
    include: bool = False
    """Whether files that the netlist names are read, from its own folder."""
    tolerances: Path | None = None
    instance_seed: int | None = None
    trust: bool = False


@dataclass(frozen=True, slots=True)
class SimulationOptions:
    """What is measured of it."""

    analysis: str
    temperature: float | None
    band: Pair | None
    duration: float | None
    input: str | None
    noise: bool
    seed: int
    timeout: float | None = None
    """Of each process of the simulator [s]; as the library has it unless given."""


def own_circuit(context: typer.Context, netlist: Path | None, allowed: Sequence[str]) -> bool:
    """Whether a command is about a circuit of one's own.

    Raises:
        InputError: options of a chip beside a netlist, or those of a netlist without one.
    """
    if netlist is not None:
        refuse_beside(context, "--netlist", "the circuit is that of the file", allowed)
        return True
    if lonely := [name for name in written(context) if name in _BELONG and name in allowed]:
        raise InputError(f"--{lonely[0]}: belongs to --netlist FILE, which is not there")
    return False


def records_of_a_circuit(files: Sequence[Path], netlist: Path | None, asked: bool) -> bool:
    """Whether files are records of a bench, and of a netlist: of --netlist, or of the one that their description says.

    Measurements that `simulate --netlist` made are none.
    """
    if not files:
        return False
    from ..inputs import circuit_lab, lab

    if not lab.is_lab(files, asked=asked or netlist is not None):
        return False
    return netlist is not None or circuit_lab.says_netlist(files)


def simulate_own(this: Job, which: CircuitOptions, what: SimulationOptions) -> None:
    """Simulate a circuit, beside its equations."""
    from ...netlists.own_circuits import CircuitRequest, simulate_circuit, unit_notice
    from ...netlists.runs import forecast, get_analysis, granted
    from ..circuit_views import own_circuit as view
    from ..forecasts import announce
    from ..inputs import get_circuit, get_drawn

    band = None if what.band is None else (what.band.low, what.band.high)
    if which.trust:
        _simulate_trusted(this, which, what, band)
        return
    analysis = get_analysis(what.analysis, what.noise, what.duration, band)
    nominal = get_circuit(which.netlist, which.outputs, which.include, this.say, what.temperature)
    circuit = get_drawn(nominal, which.tolerances, which.instance_seed)
    expected = announce(this, forecast(circuit.network, analysis), what.timeout)
    request = CircuitRequest(
        analysis=analysis,
        temperature=what.temperature,
        band=band,
        duration=what.duration,
        input=what.input,
        noise=what.noise,
        seed=what.seed,
        timeout=granted(expected) if what.timeout is None else what.timeout,
    )
    name, elements = circuit.network.name, len(circuit.network.elements)
    with this.step(f"ngspice: {analysis}, {name} with {elements} elements"):
        result = simulate_circuit(circuit, request)
    view.write(result, this.folder)
    drawn = None if which.tolerances is None else which.instance_seed or 0
    this.finish(view.summary(result, which.netlist, drawn), exit_code=0 if result.passed else 1)
    for table in view.tables(result):
        this.show(table)
    for line in view.told(result):
        this.say(line)
    if result.input is not None and (notice := unit_notice(nominal.network, result.input)) is not None:
        this.say(notice)
    for warning in result.warnings:
        this.say(f"warning: {warning}")
    for fault in result.faults:
        this.say(f"failed: {fault}")


def _simulate_trusted(
    this: Job, which: CircuitOptions, what: SimulationOptions, band: tuple[float, float] | None
) -> None:
    """A netlist as it is in ngspice, with whatever commands it holds."""
    from ...circuits.linear_circuits import split_outputs
    from ...circuits.spice_files import netlist_text
    from ...files import write_text
    from ...measurements import ANALYSES
    from ...netlists.own_circuits import run_trusted
    from ..circuit_views import trusted_netlist as view

    if which.outputs is None:
        raise InputError("--outputs: expected names of nodes")
    if which.include:
        raise InputError(
            "--include: with --trust the simulator itself opens what the netlist includes; remove it, and write"
            " absolute paths there"
        )
    if which.tolerances is not None or what.temperature is not None or what.noise or what.input is not None:
        raise InputError(
            "--trust: the netlist is run as it is; remove --tolerances, --temperature, --noise and --input"
        )
    analysis = next((known for known in ANALYSES if known == what.analysis), None)
    if analysis is None:
        raise InputError(f"--analysis: expected one of {', '.join(ANALYSES)}, got {what.analysis!r}")
    outputs = split_outputs(which.outputs)
    with this.step(f"ngspice: {analysis}, {which.netlist} as it is"):
        result = run_trusted(netlist_text(which.netlist), outputs, analysis, what.duration, band, timeout=what.timeout)
    write_text(this.folder / "circuit.cir", result.circuit)
    write_text(this.folder / f"{analysis}.csv", view.waveforms(result))
    this.finish(view.summary(result, which.netlist, analysis))
    this.show(view.table(result))
    this.say("trusted: run in ngspice only, commands in the file included; no model and no verdict stand beside it")


def symbolic_own(this: Job, which: CircuitOptions, latex: bool) -> None:
    """The formulas of a circuit."""
    from ...circuits.circuit_formulas import analyse_circuit
    from ...circuits.linear_circuits import LinearCircuit
    from ...files import write_text
    from ...netlists.simulators import versions
    from ..inputs import get_circuit

    circuit = get_circuit(which.netlist, which.outputs, which.include, this.say)
    name, elements = circuit.network.name, len(circuit.network.elements)
    with this.step(f"symbolic analysis: {name} with {elements} elements"):
        found = analyse_circuit(LinearCircuit.of(circuit.network, circuit.labels))
    write_text(this.folder / "symbolic.txt", found.text)
    write_text(this.folder / "symbolic.tex", found.latex)
    this.print_text(found.latex if latex else found.text)
    summary = {"netlist": str(which.netlist), **found.summary, "versions": versions()}
    this.finish(summary, exit_code=0 if found.holds else 1)


def verify_own(
    this: Job,
    which: CircuitOptions,
    temperature: float | None,
    band: tuple[float, float] | None,
    seed: int,
    second_opinion: bool | None = None,
) -> None:
    """The rows of the fidelity table of a circuit; with tolerances, of a chip that is drawn from them, too."""
    from ...fidelity import CircuitCase, opinions_wanted
    from ...files import write_json
    from ...netlists.simulators import versions
    from ..inputs import get_circuit, get_drawn
    from ..views import fidelity as view

    circuit = get_circuit(which.netlist, which.outputs, which.include, this.say, temperature)
    opinions = opinions_wanted(second_opinion, calibrated=False)
    cases = [CircuitCase(circuit, temperature, band)]
    if which.tolerances is not None:
        drawn = get_drawn(circuit, which.tolerances, seed)
        cases.append(CircuitCase(drawn, temperature, band, what=f"chip {seed}"))
    with this.step(f"{circuit.network.name}: SPICE, equations, process, formulas"):
        rows = [row for case in cases for row in case.rows(opinions)]
    write_json(this.folder / "fidelity.json", rows)
    this.show(view.table(rows))
    failed = sum(not row["passed"] for row in rows)
    summary = {"netlist": str(which.netlist), "passed": len(rows) - failed, "failed": failed, "rows": rows}
    this.finish({**summary, "seed": seed, "versions": versions()}, exit_code=1 if failed else 0)


def export_own(this: Job, which: CircuitOptions, to: str, name: str | None) -> None:
    """A circuit for other simulators, each of its sources an input."""
    from ...circuits.spice_files import netlist_text
    from ..circuit_views import circuit_export as view
    from ..inputs import get_circuit
    from ..views import export as of_a_device

    kind = of_a_device.get_kind(to)
    observed = get_circuit(which.netlist, which.outputs, which.include, this.say)
    circuit = view.LoadedCircuit.of(observed, netlist_text(which.netlist, which.include), name)
    with this.step(f"{kind}: {circuit.name} with {len(observed.network.elements)} elements"):
        written = view.write(kind, circuit, this.folder)
    this.finish(view.summary(kind, circuit, which.netlist, written))
    this.show(view.table(circuit, written))


_CALIBRATED_BY = ("op", "ac", "noise", "tran")


def calibrate_own(
    this: Job,
    which: CircuitOptions,
    analyses: Sequence[str],
    measurements: Sequence[Path],
    temperature: float | None,
    seed: int,
) -> None:
    """The elements of a circuit, from files or from a chip that is drawn and measured."""
    from ...circuits.tolerances import load_specification
    from ...files import write_json
    from ...netlists.simulators import versions
    from ..circuit_views import circuit_calibration as view
    from ..inputs import get_circuit, get_drawn

    if which.tolerances is None:
        raise InputError("--tolerances: expected a YAML file, such as one with `tolerances: {R*: 1 %}`")
    if measurements and (which.instance_seed is not None or analyses or temperature is not None):
        raise InputError("MEASUREMENTS: they say themselves what was measured; remove --instance-seed and --analysis")
    circuit = get_circuit(which.netlist, which.outputs, which.include, this.say, temperature)
    tolerances = load_specification(which.tolerances).drawn_from
    if not any(tolerance.standard_deviation > 0 for tolerance in tolerances.of(circuit.network).values()):
        raise InputError("--tolerances: expected an element with a tolerance above 0, which is what is inferred")
    truth: dict[str, float] | None = None
    if measurements:
        records = view.read(measurements, circuit)
    else:
        chip = seed if which.instance_seed is None else which.instance_seed
        wanted = _told_by(analyses or view.telling(circuit))
        truth = tolerances.factors(circuit.network, chip)
        drawn = get_drawn(circuit, which.tolerances, chip)
        with this.step(f"ngspice: {', '.join(wanted)} of chip {chip}"):
            records = view.measured(drawn, wanted, temperature, seed)
    with this.step(f"{counted(len(records), 'record')} of {circuit.network.name}"):
        warm = replace(circuit, network=tolerances.at(circuit.network))
        found = view.calibrated(warm, tolerances, records, temperature)
    write_json(this.folder / "elements.json", view.elements(found, truth))
    view.write(found, truth, this.folder)
    summary = {"netlist": str(which.netlist), "outputs": list(circuit.labels), **view.summary(found, truth)}
    this.finish({**summary, "seed": seed, "versions": versions()}, exit_code=1 if found.contradicted else 0)
    this.show(view.table(found, truth))
    for line in view.told(found):
        this.say(line)


def _told_by(analyses: Sequence[str]) -> Sequence[str]:
    if wrong := [a for a in analyses if a not in _CALIBRATED_BY]:
        raise InputError(f"--analysis: expected one of {', '.join(_CALIBRATED_BY)}, got {wrong[0]!r}")
    return analyses
