"""From YAML to a study and back."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ...circuits import Design
from ...circuits.chips import KEPT
from ...circuits.linear_circuits import split_outputs
from ...circuits.spice_files import netlist_text
from ...circuits.tolerances import CircuitSpecification, load_specification
from ...circuits.trials import find_design
from ...files import read_yaml, reasons
from .._exceptions import StudyError
from ._study import Study


def load_study(path: str | Path, data: Path | None = None) -> Study:
    """Read a study; files that it names are relative to it, and their content becomes part of the study.

    Args:
        path: YAML file.
        data: folder of a training's data, instead of `training.data`.

    Raises:
        StudyError: one line with file and field.
        DesignError: a design that cannot be read.
    """
    file = Path(path)
    read = _inlined(read_yaml(file), file)
    return parse_study(read if data is None else _with_data(read, data, file), str(path))


def _with_data(study: Any, data: Path, path: Path) -> Any:
    training = study.get("training") if isinstance(study, Mapping) else None
    if not isinstance(training, Mapping):
        raise StudyError(f"{path}: data: only a study of kind training reads a folder of data; remove it")
    return {**study, "training": {**training, "data": os.path.realpath(data)}}


def parse_study(data: Any, where: str) -> Study:
    """Validate plain data.

    Raises:
        StudyError: one line with the field.
    """
    if not isinstance(data, Mapping):
        raise StudyError(f"{where}: expected fields such as `name: my-study`, got {type(data).__name__}")
    try:
        return Study.model_validate(dict(data))
    except ValidationError as error:
        raise StudyError(f"{where}: {reasons(error)}") from None


def _inlined(data: Any, path: Path) -> Any:
    """The study with the content of the files that it names."""
    if not isinstance(data, Mapping):
        return data
    if isinstance(data.get("training"), Mapping):
        return {**data, "training": _training_read(data["training"], path), **_cases_read(data.get("cases"), path)}
    if isinstance(data.get("netlist"), Mapping):
        return _netlist_read(data, path)
    circuit = data.get("circuit")
    if not isinstance(circuit, Mapping):
        return data
    circuit = dict(circuit)
    own = circuit.pop("amplifier", None)
    if "design" in circuit:
        circuit["design"] = _design(circuit["design"], path, own)
        if _has_a_subcircuit(circuit["design"]):
            circuit.setdefault("level", "transistor")
    program = circuit.get("program")
    if isinstance(program, Mapping) and {"matrix", "drive"} & set(program):
        circuit["program"] = _files_read(dict(program), path)
        circuit.setdefault("size", len(circuit["program"]["b"]))
    return {**data, "circuit": circuit}


def _netlist_read(data: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """A study of a netlist with the text of its file, and with the tolerances and limits of another."""
    netlist = dict(data["netlist"])
    found = {"kind": "netlist", **data}
    if isinstance(netlist.get("outputs"), str):
        netlist["outputs"] = split_outputs(netlist["outputs"])
    if isinstance(netlist.get("file"), str) and "text" not in netlist:
        netlist["text"] = netlist_text(path.parent / netlist["file"], netlist.get("include") is True)
    if isinstance(netlist.get("tolerances"), str):
        specification = load_specification(path.parent / netlist["tolerances"])
        netlist["tolerances"] = specification.model_dump(mode="json", exclude_none=True)["tolerances"]
        found.setdefault("limits", limits_of(specification))
    return {**found, "netlist": netlist}


def limits_of(specification: CircuitSpecification) -> list[dict[str, Any]]:
    """The limits of a specification, as a study has them."""
    names = {"min": "at_least", "max": "at_most", "typ": "typical", "required_yield": "required_yield"}
    return [
        {"metric": metric, **{names[k]: v for k, v in bounds.model_dump(exclude_none=True).items()}}
        for metric, bounds in specification.limits.items()
    ]


def _training_read(training: Mapping[str, Any], path: Path) -> dict[str, Any]:
    found = _placed(training, path)
    own = found.pop("amplifier", None)
    # Written out, so that a parameter can name any field of it.
    design = {"design": _design(found["design"], path, own)} if "design" in found else {}
    return {**found, **design}


def _cases_read(cases: Any, path: Path) -> dict[str, Any]:
    if not isinstance(cases, Mapping):
        return {} if cases is None else {"cases": cases}
    read = {
        name: _training_read(fields, path) if isinstance(fields, Mapping) else fields for name, fields in cases.items()
    }
    return {"cases": read}


def _placed(training: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Files of an experiment by their absolute paths: its runs are performed elsewhere."""
    files = {name: training[name] for name in ("data", "device") if isinstance(training.get(name), str)}
    # A link to itself stays one here, and is refused when it is opened.
    return {**training, **{name: os.path.realpath(path.parent / value) for name, value in files.items()}}


def _design(given: Any, path: Path, amplifier: Any = None) -> Any:
    """A design as plain data; with the `amplifier` of a study, which may be one of a file, in the place of its own.

    Its runs are performed elsewhere, where a name may mean something else.
    """
    design = find_design(given, path.parent).to_dict() if isinstance(given, str) else given
    if not isinstance(design, Mapping):
        return design
    own = design.get("amplifier") if amplifier is None else amplifier
    if not isinstance(own, Mapping) or "file" not in own:
        return design if amplifier is None else {**design, "amplifier": own}
    if amplifier is not None and "preset" not in design and isinstance(design.get("amplifier"), Mapping):
        kept = {name: design["amplifier"][name] for name in KEPT if name in design["amplifier"]}
        design = {**design, "amplifier": {**kept, **own}}
    else:
        design = {**design, "amplifier": own}
    # Measured once, here: its runs are performed elsewhere, and later.
    return Design.from_dict(design, str(path), path.parent).to_dict()


def _has_a_subcircuit(design: Any) -> bool:
    amplifier = design.get("amplifier") if isinstance(design, Mapping) else None
    return isinstance(amplifier, Mapping) and amplifier.get("circuit") is not None


def _files_read(program: dict[str, Any], path: Path) -> dict[str, Any]:
    from ...files.tables import read_matrix, read_vector

    if not {"matrix", "drive"} <= set(program):
        raise StudyError(f"{path}: circuit.program: matrix and drive belong together; give both files")
    A = read_matrix(path.parent / str(program.pop("matrix")))
    b = read_vector(path.parent / str(program.pop("drive")))
    if A.shape != (len(b), len(b)):
        raise StudyError(
            f"{path}: circuit.program: expected {A.shape[0]} x {A.shape[0]} and {A.shape[0]} values of"
            f" the drive, got {A.shape[0]} x {A.shape[1]} and {len(b)}"
        )
    return {**program, "A": A.tolist(), "b": b.tolist()}


def to_plain(study: Study) -> dict[str, Any]:
    """Plain data that `parse_study` reads back without loss."""
    plain = study.model_dump(mode="json", exclude_none=True)
    # In a case nothing is a value: it takes a setting of the study away.
    return plain if study.cases is None else {**plain, "cases": study.model_dump(mode="json")["cases"]}


def to_yaml(study: Study) -> str:
    """The study as it was run: every default and every file's content."""
    return yaml.safe_dump(to_plain(study), sort_keys=False, allow_unicode=True)
