"""Circuit and design."""

from collections.abc import Iterator, Mapping
from typing import Any

from .. import figures
from ..figures import quantity
from ..results import Folder
from ..section_parts import Section, Table, picture


def circuit_section(folder: Folder) -> Section | None:
    topology = folder.instance.get("topology") or folder.summary.get("topology")
    if not topology:
        return None
    name = topology["name"] if isinstance(topology, Mapping) else topology
    summary = folder.summary
    known = topology["n"] if isinstance(topology, Mapping) else summary.get("n", summary.get("size"))
    n = known if isinstance(known, int) else None
    captions = {
        "crossbar": "Above: one cell with its row. A resistor R0/|A_ij| runs from the output of cell j to the virtual"
        " ground of cell i; the capacitor integrates. Below: the inverted rail, which serves the entries below zero.",
        "rc-mesh": "One cell: capacitor, resistor to ground, the drive as a current, a coupling to a neighbour.",
    }
    if name not in captions:
        return None
    return Section(
        "Circuit",
        (f"A chip of topology {name}{_of_cells(n)}. It settles at the solution of A x = b.",),
        (picture(lambda: figures.schematic(name, n or _MANY), captions[name]),),
    )


_MANY = 8
"""Cells of a drawing where nobody says how many there are: a row with dots in it."""


def _of_cells(n: int | None) -> str:
    return "" if n is None else " with 1 cell" if n == 1 else f" with {n} cells"


_UNITS = {
    "R0": "Ω", "C": "F", "L": "H", "temperature": "K", "injected_noise": "A²/Hz",
    "amplifier.gain": "V/V", "amplifier.gain_bandwidth": "Hz", "amplifier.offset_sigma": "V",
    "amplifier.bias_current": "A", "amplifier.noise_voltage": "V/√Hz", "amplifier.noise_current": "A/√Hz",
    "amplifier.rail_low": "V", "amplifier.rail_high": "V", "amplifier.slew": "V/s",
    "amplifier.output_resistance": "Ω", "amplifier.load_capacitance": "F", "amplifier.supply_current": "A",
    "converters.full_scale": "V", "programming.switch_resistance": "Ω", "tempco.reference": "K",
    "drift.temperature_sigma": "K", "drift.temperature_time": "s", "drift.ageing_time": "s",
}  # fmt: skip
_UNPREFIXED = ("V/√Hz", "A/√Hz", "A²/Hz", "K", "V/V")


_LONG = ("amplifier.circuit.text", "amplifier.circuit.name")
"""Of the netlist, which a design keeps and `circuit.cir` shows."""


def design_section(folder: Folder) -> Section | None:
    if not folder.design:
        return None
    sources = folder.design.get("sources") or {}
    shown = {k: v for k, v in folder.design.items() if k not in ("name", "description", "sources")}
    fields = [(path, value, _source(path, sources)) for path, value in _flat(shown) if path not in _LONG]
    used = [field for field in fields if field[1] or field[2]]
    unused = [path for path, value, source in fields if not (value or source)]
    rows = tuple((path, _value(path, value), source) for path, value, source in used)
    text = [f"{folder.design.get('name', '')}: {folder.design.get('description', '')}".strip(": ")]
    text += [f"Zero or not used: {', '.join(unused)}."] if unused else []
    return Section(
        "Design", tuple(text), (), (Table("Values and where they come from", ("field", "value", "source"), rows),)
    )


def _flat(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in data.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _value(path: str, value: Any) -> str:
    if value is None:
        return "ideal"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if path.startswith("mismatch."):
        return f"{100 * value:.3g} %"
    unit = _UNITS.get(path, "")
    if unit in _UNPREFIXED:
        return f"{value:.5g} {unit}"
    return quantity(float(value), unit, 4) if unit else f"{value:g}"


def _source(path: str, sources: Mapping[str, Any]) -> str:
    return str(sources.get(path) or sources.get(path.rsplit(".", 1)[-1]) or sources.get(path.split(".", 1)[0]) or "")
