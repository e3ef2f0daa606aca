"""What the columns of a table are: time or frequency first, then cells, each with its unit."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ...files.quantities import unit_factor

Kind = Literal[
    "time",
    "frequency",
    "program",
    "voltage",
    "current",
    "density",
    "root density",
    "square",
    "re",
    "im",
    "dB",
    "size",
    "degrees",
    "radians",
    "other",
    # of two outputs, or of one and itself
    "cross re",
    "cross im",
    "covariance",
    "correlation",
    "rms",
    # of the column before it
    "sigma",
    "band low",
    "band high",
]
PAIRED: frozenset[Kind] = frozenset({"re", "im", "dB", "size", "degrees", "radians"})
"""Parts of a complex value, of which each cell has two columns."""
MOMENTS: frozenset[Kind] = frozenset({"cross re", "cross im", "covariance", "correlation", "rms"})

_UNIT_IN = re.compile(r"(?P<name>.*?)\s*[\[(]\s*(?P<unit>[^\[\]()]*(?:\([^()]*\)[^\[\]()]*)?)\s*[\])]")
# `t/us`, `CH1 in V`, and `freq_Hz` or `v1_V_per_rtHz`, as programs write a unit into a name.
_UNIT_BEHIND = re.compile(
    r"(?P<name>|.+?)(?:(?<=.)\s*/\s*|(?:^|(?<=.)\s+)in\s+|(?<=.)_)"
    r"(?P<unit>[munpfkMG\N{MICRO SIGN}\N{GREEK SMALL LETTER MU}]?"
    r"(?:s|Hz|V2|V\^2|V)(?:(?:_per_|/)(?:rt|sqrt)?\(?Hz\)?)?)"
)
_TIMES = frozenset({"time", "t", "x", "second", "seconds", "x-axis", "times", "zeit"})
_FREQUENCIES = frozenset({"frequency", "freq", "f", "freq.", "frequencies"})
_SPELLED = {"second": "s", "seconds": "s", "sec": "s", "volt": "V", "volts": "V", "hertz": "Hz"}
_UNITS: Mapping[Kind, str] = {
    "time": "s",
    "frequency": "Hz",
    "voltage": "V",
    "current": "A",
    "density": "V^2/Hz",
    "root density": "V/sqrt(Hz)",
    "square": "V^2",
}
_PARTS: Mapping[str, Kind] = {
    "re": "re",
    "real": "re",
    "im": "im",
    "imag": "im",
    "db": "dB",
    "mag": "size",
    "magnitude": "size",
    "abs": "size",
    "phase": "degrees",
    "arg": "degrees",
}

# A part whose unit is one of these is of that kind, whatever its name says.
_OF_PARTS: Mapping[str, Kind] = {
    "db": "dB",
    "deg": "degrees",
    "degree": "degrees",
    "degrees": "degrees",
    "°": "degrees",
    "rad": "radians",
    "radian": "radians",
    "radians": "radians",
}
_RATIOS = frozenset({"1", "v/v", "a/a", "v/a", "a/v", "ratio", "-"})
"""Units of a response for a unit of its source."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name without the unit, what it is, and the factor on its numbers, None without a unit."""

    name: str
    kind: Kind
    factor: float | None
    pair: tuple[str, str] | None = None
    """Names of the two outputs that a second moment is of; None where it names none."""
    head: str = ""
    """As the file has it, by which its unit is asked for and told."""
    against: str = ""
    """A unit that is told and is another than the file's own."""


def columns_of(
    heads: Sequence[Sequence[str]], count: int, simulator: bool = False, told: Mapping[str, str] | None = None
) -> tuple[Column, ...]:
    """Columns from the lines above a table: one of names with units, or one of names and one of units.

    Without any lines they have no names. Columns of a simulator are in SI units; `told` are units that the file does
    not say, by the names of its columns.
    """
    names = list(heads[0]) if heads else [""] * count
    units: list[str | None] = [_bare(unit) for unit in heads[1]] if len(heads) > 1 else [None] * count
    if len(heads) > 1 and not any(_kind_of(str(unit)) for unit in units):
        # Two lines of text that are not names and units: the nearest one counts.
        names = list(heads[1])
        units = [None] * count
    if len(heads) == 1 and all(_kind_of(name) for name in names):
        # A line of units alone, `Second,Volt,Volt`: the columns go by their numbers.
        names, units = [""] * count, [str(name) for name in names]
    known = {name.strip().lower(): unit for name, unit in (told or {}).items()}

    def read(moments: bool) -> tuple[Column, ...]:
        return tuple(
            _with_told(name, unit, k, simulator, moments, known)
            for k, (name, unit) in enumerate(zip(names, units, strict=True))
        )

    found = read(moments=True)
    # Errors and bands are columns beside second moments alone; elsewhere a channel may be called `u` or `low`.
    named = any(column.kind in MOMENTS or column.pair is not None for column in found)
    return found if named else read(moments=False)


def _bare(unit: str) -> str:
    """A unit without the brackets about it."""
    text = unit.strip()
    return text[1:-1].strip() if text[:1] + text[-1:] in ("()", "[]") else text


def _with_told(
    head: str, unit: str | None, place: int, simulator: bool, moments: bool, told: Mapping[str, str]
) -> Column:
    """A column; by what is told of its unit where the file says nothing of it."""
    column = replace(_column(head, unit, place, simulator, moments), head=head.strip())
    keys = (head.strip().lower(), _without_unit(head).lower()) if head.strip() else (str(place + 1),)
    more = next((told[key] for key in keys if key in told), None)
    if more is None or column.kind in ("sigma", "correlation"):
        return column
    other = replace(_column(head, more, place, simulator, moments), head=head.strip())
    if column.factor is None:
        return other
    return column if (other.kind, other.factor) == (column.kind, column.factor) else replace(column, against=more)


def _column(head: str, unit: str | None, place: int, simulator: bool, moments: bool) -> Column:
    found = _UNIT_IN.fullmatch(head.strip())
    if unit is None and (found is None or _kind_of(found["unit"]) is None):
        behind = _UNIT_BEHIND.fullmatch(head.strip())
        found = behind if behind is not None and _kind_of(_written_out(behind["unit"])) else found
    name, inside = (found["name"], _written_out(found["unit"])) if found else (head.strip(), None)
    known = _kind_of(unit or inside or "")
    if moments and not simulator and (moment := _moment(head.strip() if known is None else name, known)) is not None:
        return moment
    if known is None:
        # `V(out0)` has brackets, and no unit in them.
        no_unit = (inside or "").strip().lower() not in _RATIOS | set(_OF_PARTS)
        name = head.strip() if unit is None and no_unit else name
    low = name.lower()
    part = next((kind for word, kind in _PARTS.items() if re.search(rf"(?:^|[ _.]){word}$", low)), None)
    said = (unit or inside or "").strip().lower()
    if part is not None or said in _OF_PARTS:
        return _part(name, part, said, known)
    if place == 0 and low in _TIMES | _FREQUENCIES and known is None:
        return Column(name, "time" if low in _TIMES else "frequency", 1.0 if simulator else None)
    if low == "program":
        return Column(name, "program", 1.0)
    if known is not None:
        return Column(name, known[0], known[1])
    return Column(name, "voltage" if simulator else "other", 1.0 if simulator else None)


def _part(name: str, part: Kind | None, said: str, known: tuple[Kind, float] | None) -> Column:
    """A part of a complex value: in decibels, volts or none, degrees or radians; nobody knows which without a unit."""
    kind = _OF_PARTS.get(said, part) or "other"
    if said in _OF_PARTS or kind == "dB":
        fits = (part in ("degrees", None)) == (kind in ("degrees", "radians"))
        return Column(_without_part(name), kind if fits else "other", 1.0)
    if known is not None and known[0] in ("voltage", "current") and kind != "degrees":
        return Column(_without_part(name), kind, known[1])
    if said in _RATIOS and kind != "degrees":
        return Column(_without_part(name), kind, 1.0)
    return Column(_without_part(name), kind, None)


# S(v1,v2) re, cov(v1,v2), var(v1), rho(v1,v2), rms(v1); rho alone where there are two outputs.
_PAIR = r"\(\s*(?P<a>[^(),]+(?:\([^()]*\))?)\s*(?:,\s*(?P<b>[^(),]+(?:\([^()]*\))?)\s*)?\)"
_MOMENT = re.compile(
    rf"(?i)(?P<what>s|psd|csd|cpsd|cov|covariance|var|variance|rho|corr|correlation|rms|std)\s*{_PAIR}"
    r"[ _.,]*(?P<part>re|real|im|imag)?"
)
_LONE_RHO = re.compile(r"(?i)rho(?:12|_?measured)?")
_SIGMA = re.compile(
    r"(?i)(?:sigma|sd|se|stderr|std\.? ?err(?:or)?|standard ?error|error|u)(?:\s*\(.*\))?|\+-|\N{PLUS-MINUS SIGN}"
)
_LOW = r"lo|low|lower|min|from|start"
_HIGH = r"hi|high|upper|max|to|stop"
_BAND = re.compile(rf"(?i)(?:(?:band|f|freq|frequency)[ _]*)?(?:(?P<low>{_LOW})|(?P<high>{_HIGH}))")
_WHAT: Mapping[str, Kind] = {
    **dict.fromkeys(("s", "psd", "csd", "cpsd"), "cross re"),
    **dict.fromkeys(("cov", "covariance", "var", "variance"), "covariance"),
    **dict.fromkeys(("rho", "corr", "correlation"), "correlation"),
    **dict.fromkeys(("rms", "std"), "rms"),
}
_UNIT_OF: Mapping[Kind, Kind] = {
    "cross re": "density",
    "cross im": "density",
    "covariance": "square",
    "rms": "voltage",
}


def _moment(name: str, known: tuple[Kind, float] | None) -> Column | None:
    """A column of second moments, of their errors, or of the bands that they are of; None for any other one."""
    if (found := _MOMENT.fullmatch(name)) is not None:
        kind = _WHAT[found["what"].lower()]
        if (found["part"] or "").lower().startswith("im"):
            kind = "cross im" if kind == "cross re" else "other"
        a = found["a"].strip()
        return _with_factor(Column(name, kind, None, (a, (found["b"] or a).strip())), known)
    if _LONE_RHO.fullmatch(name) is not None:
        return Column(name, "correlation", 1.0)
    if _SIGMA.fullmatch(name) is not None:
        return Column(name, "sigma", None if known is None else known[1])
    edge = _BAND.fullmatch(name)
    if edge is not None and (known is None or known[0] == "frequency"):
        return Column(name, "band low" if edge["low"] else "band high", None if known is None else known[1])
    return None


def _with_factor(column: Column, known: tuple[Kind, float] | None) -> Column:
    """The factor that its unit has; a column whose unit is of another kind is no such column."""
    if column.kind == "correlation":
        return replace(column, factor=1.0) if known is None else replace(column, kind="other")
    if known is None:
        return column
    own = column.pair is not None and column.pair[0] == column.pair[1]
    if own and column.kind == "cross re" and known[0] in ("density", "root density"):
        return replace(column, name=column.pair[0] if column.pair else "", kind=known[0], factor=known[1])
    if known[0] != _UNIT_OF.get(column.kind):
        return replace(column, kind="other", factor=known[1])
    return replace(column, factor=known[1])


def _written_out(unit: str) -> str:
    return unit.replace("_per_", "/").replace("V2", "V^2")


def _without_unit(head: str) -> str:
    for form in (_UNIT_IN, _UNIT_BEHIND):
        found = form.fullmatch(head.strip())
        if found is not None:
            unit = _written_out(found["unit"])
            if _kind_of(unit) or unit.strip().lower() in _RATIOS | {*_OF_PARTS}:
                return found["name"].strip()
    return head.strip()


def _without_part(name: str) -> str:
    return re.sub(r"(?i)[ _.]*(?:re|real|im|imag|db|mag|magnitude|abs|phase|arg)$", "", name).strip()


def _kind_of(text: str) -> tuple[Kind, float] | None:
    spelled = _SPELLED.get(text.strip().lower(), text.strip())
    if not spelled or spelled == "1":
        return None
    for kind, unit in _UNITS.items():
        factor = unit_factor(spelled, unit)
        if factor is not None:
            return kind, factor
    return None
