"""A design's amplifier that is named as a file: its values are measured by what can run a simulator."""

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ...files.quantities import Kelvin, Ohm
from .._exceptions import DesignError
from ..components import AMPLIFIER_TEMPCOS, TemperatureCoefficients

GROUP = "thermospice.amplifier_files"
"""Entry points of what measures them; this room knows no simulator."""

KEPT = ("offset_sigma", "load_capacitance", "noise_lowest")
"""Of an amplifier, what its file does not tell."""

Measurer = Callable[[Mapping[str, Any], Path, float, float], tuple[dict[str, Any], dict[str, Any]]]
"""From the fields under `amplifier`, the folder that paths are relative to, the resistance that it is loaded with
[ohm] and the temperature [K] to the fields of `Amplifier` and of `TemperatureCoefficients`."""


def names_a_file(amplifier: Any) -> bool:
    """Whether an amplifier is one of a file, still to be measured."""
    return isinstance(amplifier, Mapping) and "file" in amplifier


def measured(data: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """A design's fields with the values of the amplifier that they name as a file; any others as they are.

    Raises:
        DesignError: a file, a pin or a supply that is none, or an amplifier that does not amplify.
    """
    amplifier: Any = data.get("amplifier")
    if not names_a_file(amplifier):
        return dict(data)
    tempco = data.get("tempco")
    given = dict(tempco) if isinstance(tempco, Mapping) else {}
    reference = _number(Kelvin, given.get("reference", TemperatureCoefficients().reference), "tempco.reference")
    load = _number(Ohm, data.get("R0"), "R0")
    values, coefficients = _measurer()(amplifier, folder, load, reference)
    return put_amplifier(data, values, coefficients)


def put_amplifier(
    data: Mapping[str, Any], values: Mapping[str, Any], coefficients: Mapping[str, float]
) -> dict[str, Any]:
    """A design's fields with another amplifier: its values, its temperature coefficients, and where they come from."""
    tempco = data.get("tempco")
    given = dict(tempco) if isinstance(tempco, Mapping) else {}
    return {**data, "amplifier": dict(values), "tempco": {**given, **coefficients}, "sources": _cited(data, values)}


def _number(kind: Any, value: Any, name: str) -> float:
    try:
        found: float = TypeAdapter(kind).validate_python(value)
    except ValidationError:
        found = float("nan")
    if not 0 < found < float("inf"):
        raise DesignError(f"{name}: expected a number above zero for the amplifier's load, got {value!r}")
    return found


def _measurer() -> Measurer:
    for point in entry_points(group=GROUP):
        found: Measurer = point.load()
        return found
    raise DesignError(f"amplifier.file: no entry point {GROUP}; install thermospice again (`make setup`)")


def _cited(data: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, str]:
    """Sources of all values but the amplifier's, whose source is the file."""
    given = data.get("sources")
    kept = {f"amplifier.{name}" for name in KEPT}
    theirs = ("amplifier", *(f"tempco.{name}_tc" for name in (*AMPLIFIER_TEMPCOS, "offset")))
    others = given if isinstance(given, Mapping) else {}
    sources = {path: text for path, text in others.items() if path in kept or not str(path).startswith(theirs)}
    circuit = values["circuit"]
    origin = (
        f"{circuit['file']}, subcircuit {circuit['subcircuit']}, sha256 {circuit['sha256'][:12]}; measured in ngspice"
    )
    return {**sources, "amplifier": origin}
