"""Amplifiers of files in designs: measured when a design is read, and put back into netlists from what it keeps."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...circuits import Amplifier, Design, DesignError
from ...circuits.chips import put_amplifier
from ...circuits.components import AMPLIFIER_TEMPCOS
from ...circuits.components import AmplifierCircuit as CircuitOfDesign
from ...files.quantities import QuantityError, parse_quantity
from .._exceptions import NetlistError, SimulatorError
from ..amplifier_files import parse_amplifier, read_amplifier
from ._bench import Load
from ._from_file import UserAmplifier, user_amplifier
from ._user_model import measure_user_amplifier

_CELSIUS = 273.15

_FILE_FIELDS = ("file", "subcircuit", "pins", "supply")
_OTHERS = {"offset_sigma": "V", "load_capacitance": "F", "noise_lowest": "Hz"}
_LOAD = 2e-12
"""Capacitance at an output where a design says nothing [F]: a pin and some wire."""
_COOLER, _WARMER = 273.15, 343.15
"""Ends of the commercial range [K], from which temperature coefficients are taken."""


def measure_for_design(
    fields: Mapping[str, Any], folder: Path, load: float, reference: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fields of `Amplifier` and of `TemperatureCoefficients` for an amplifier that a design names as a file.

    Args:
        fields: `file`, `subcircuit`, `pins`, `supply`; also `offset_sigma`, `load_capacitance` and `noise_lowest`,
            which no file tells.
        folder: that the file is relative to.
        load: resistance at its output [ohm].
        reference: temperature of the values [K].

    Raises:
        DesignError: a field that is unknown or missing, a file that is none, an amplifier that does not amplify.
    """
    if unknown := [name for name in fields if name not in (*_FILE_FIELDS, *_OTHERS)]:
        known = ", ".join((*_FILE_FIELDS, *_OTHERS))
        raise DesignError(f"amplifier.{unknown[0]}: an amplifier of a file has the fields {known}")
    low, high = supply_of(fields.get("supply"))
    others = {name: _quantity(name, fields[name]) for name in _OTHERS if name in fields}
    name = fields.get("subcircuit")
    pins = fields.get("pins")
    if pins is not None and not isinstance(pins, Mapping):
        raise DesignError(f"amplifier.pins: expected a node or position for each pin, such as plus: 3, got {pins!r}")
    try:
        path = folder / str(fields["file"])
        found = user_amplifier(path, trust=True, vdd=high, vss=low, name=None if name is None else str(name), pins=pins)
        values, coefficients = measured_values(
            found, Load(load, others.get("load_capacitance", _LOAD)), reference, others
        )
    except (NetlistError, SimulatorError) as error:
        raise DesignError(f"amplifier: {error}") from None
    # As it was written, so that the same design in another folder is the same.
    values["circuit"]["file"] = str(fields["file"])
    return values, coefficients


def measured_values(
    found: UserAmplifier, load: Load, reference: float, others: Mapping[str, float]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values of `measure_for_design`, of an amplifier that was read.

    Raises:
        NetlistError, SimulatorError: as `measure_user_amplifier`.
    """
    here = measure_user_amplifier(found, load, reference)
    elsewhere = {T: _at(found, load, T) for T in (_COOLER, _WARMER) if abs(T - reference) > 1.0}
    coefficients = _coefficients(here.values, {T: v for T, v in elsewhere.items() if v is not None}, reference)
    told = [f"{found.file}: it fails at {T:.5g} K" for T, v in elsewhere.items() if v is None]
    circuit = {
        "file": found.file,
        "subcircuit": found.subcircuit,
        "pins": dict(found.nodes),
        "vss": found.vss,
        "vdd": found.vdd,
        "sha256": found.digest,
        "noise_band": here.noise_band,
        "tnom": f"{found.tnom + _CELSIUS!r} K",
        "name": found.name,
        "text": found.text,
        "notices": [*found.notices, *here.notices, *told],
    }
    return {"offset_sigma": 0.0, **here.values, **others, "circuit": circuit}, coefficients


def _at(found: UserAmplifier, load: Load, temperature: float) -> Mapping[str, float] | None:
    try:
        return measure_user_amplifier(found, load, temperature).values
    except SimulatorError:
        return None


def _coefficients(
    here: Mapping[str, float], elsewhere: Mapping[float, Mapping[str, float]], reference: float
) -> dict[str, float]:
    """Relative changes with temperature, to first and, with two temperatures, second order; of the offset in V/K."""
    dT = np.array(list(elsewhere)) - reference
    powers = np.column_stack([dT, dT**2])[:, : len(dT)]
    found = {f"{name}_tc{order}": 0.0 for name in AMPLIFIER_TEMPCOS for order in (1, 2)} | {"offset_tc": 0.0}
    if len(dT) == 0:
        return found
    for name in AMPLIFIER_TEMPCOS:
        if here[name] != 0:
            change = np.array([values[name] / here[name] - 1 for values in elsewhere.values()])
            for order, tc in enumerate(np.linalg.lstsq(powers, change, rcond=None)[0].tolist(), 1):
                found[f"{name}_tc{order}"] = tc
    drift = np.array([values["offset"] - here["offset"] for values in elsewhere.values()])
    found["offset_tc"] = float(drift @ dT / (dT @ dT))
    return found


def supply_of(given: Any) -> tuple[float, float]:
    """Negative and positive supply [V] of `[-15, 15]`, of `{vss: -15, vdd: 15}`, or of `15` for both.

    Raises:
        DesignError: neither, or supplies that do not enclose the signal ground.
    """
    match given:
        case {"vss": low, "vdd": high, **rest} if not rest:
            pair: Sequence[Any] = (low, high)
        case [low, high]:
            pair = (low, high)
        case int() | float() | str() if not isinstance(given, bool):
            high = _quantity("supply", given)
            pair = (-high, high)
        case _:
            came = "nothing" if given is None else repr(given)
            raise DesignError(f"amplifier.supply: expected two voltages such as [-15, 15], got {came}")
    low, high = (_quantity("supply", value) for value in pair)
    if not low < 0 < high:
        raise DesignError(
            f"amplifier.supply: expected vss < 0 < vdd about the signal ground, got {low:g} and {high:g} V"
        )
    return low, high


def _quantity(name: str, value: Any) -> float:
    try:
        return parse_quantity(value, _OTHERS.get(name, "V"))
    except QuantityError as error:
        raise DesignError(f"amplifier.{name}: {error}") from None


def amplifier_of(design: Design) -> UserAmplifier | None:
    """The subcircuit that a design's amplifier was measured on; None where its values are given.

    Raises:
        NetlistError: a text that is not the like of what a file's reader writes.
    """
    amplifier: Amplifier | None = design.amplifier
    if amplifier is None or amplifier.circuit is None:
        return None
    circuit = amplifier.circuit
    return _rebuilt(circuit.text, circuit.name, circuit)


@functools.lru_cache(maxsize=8)
def _checked_text(text: str, name: str) -> str:
    """A design is data that anybody may have written: its text is read as strictly as a file."""
    return parse_amplifier(text, name).text


def _rebuilt(text: str, name: str, circuit: CircuitOfDesign) -> UserAmplifier:
    return UserAmplifier(
        name,
        _checked_text(text, name),
        circuit.vdd,
        circuit.vss,
        file=circuit.file,
        subcircuit=circuit.subcircuit,
        digest=circuit.sha256,
        tnom=round(circuit.tnom - _CELSIUS, 9),
        notices=circuit.notices,
        nodes=circuit.pins,
    )


def changed_since(design: Design, folder: Path) -> str | None:
    """A sentence where the file of a design's amplifier is another than when it was read; None where it is the same,
    or not there."""
    circuit = None if design.amplifier is None else design.amplifier.circuit
    if circuit is None or not (folder / circuit.file).is_file():
        return None
    try:
        found = read_amplifier(folder / circuit.file, circuit.subcircuit, circuit.pins).digest
    except NetlistError:
        found = "none: it has no such amplifier"
    if found == circuit.sha256:
        return None
    goes_on = f"this goes on with the amplifier of sha256 {circuit.sha256[:12]}"
    return f"{circuit.file} has changed since (sha256 now {found[:32]}); {goes_on}"


def with_amplifier(design: Design, found: UserAmplifier) -> Design:
    """A design with a user's own amplifier in the place of its own; what a file does not tell stays.

    Raises:
        NetlistError, SimulatorError: as `measure_user_amplifier`.
        DesignError: values that no design can have.
    """
    data = design.to_dict()
    before = data.get("amplifier") or {}
    kept = {name: float(before[name]) for name in _OTHERS if name in before}
    load = Load(design.R0, kept.get("load_capacitance", _LOAD))
    values, coefficients = measured_values(found, load, design.tempco.reference, kept)
    if kept.get("offset_sigma"):
        told = f"offset_sigma {kept['offset_sigma']:g} V stays that of design {design.name}: a file does not tell it"
        values["circuit"]["notices"].append(told)
    return Design.from_dict(put_amplifier(data, values, coefficients), f"design {design.name}")
