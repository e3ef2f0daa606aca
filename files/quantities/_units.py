"""Units in which fields are kept, and the spellings of each that people use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A unit, and what may stand behind a number instead of it.

    A unit is read as `prefix word`, or as `prefix word / denominator` where it has denominators.
    """

    name: str
    """The key of `UNITS`."""
    label: str | None = None
    """As a message, an axis and a table say it; the name unless given, empty for a plain number."""
    words: tuple[str, ...] = ()
    """Spellings that take a prefix: `ohm` of `kohm`."""
    factors: Mapping[str, Decimal] = field(default_factory=dict)
    """Spellings that take none, with their sizes: `min` is 60 s."""
    denominators: Mapping[str, Decimal] = field(default_factory=dict)
    """Spellings behind a slash, with the factor that each brings: V/us is 1e6 V/s."""
    power: int = 1
    """Of the prefix: one pV^2 is 1e-24 V^2."""
    bare: bool = True
    """Whether a prefix may stand alone, as in `10k`."""
    letters: str = ""
    """That may stand for the decimal point besides prefixes: 4R7."""
    whole: bool = False
    """Whether it counts things."""
    decibels: bool = False
    """Whether it is a ratio of amplitudes, so that 20 dB is 10."""
    celsius: bool = False
    """Whether it is an absolute temperature, for which degrees Celsius are read."""
    unclear: Mapping[str, str] = field(default_factory=dict)
    """Spellings with two meanings, and both of them in words."""
    examples: str = "10k, 4k7 or 1e4"

    @property
    def shown(self) -> str:
        """The unit for an axis or a table: `1` for a plain number."""
        return self.said or "1"

    @property
    def said(self) -> str:
        """The unit in a message; empty for a plain number."""
        return self.name if self.label is None else self.label


def _decimals(**sizes: str) -> dict[str, Decimal]:
    return {name: Decimal(size) for name, size in sizes.items()}


_PARTS = {"%": Decimal("1e-2"), "percent": Decimal("1e-2"), "ppm": Decimal("1e-6"), "ppb": Decimal("1e-9")}
_DEGREES = {word: Decimal(1) for word in ("K", "degC", "C", "kelvin", "Celsius")}
_PER_DEGREE = {"": Decimal(1), "1": Decimal(1), **_PARTS}
_ROOTS = ("sqrt(Hz)", "rtHz", "sqrtHz", "Hz^0.5", "Hz^.5", "Hz^1/2", "Hz^(1/2)")
_ROOT_HERTZ = {word: Decimal(1) for word in _ROOTS}
_INVERSE_SECONDS = _decimals(s="1", ms="1e3", us="1e6", ns="1e9")
_TIMES = {
    **{word: Decimal(1) for word in ("sec", "secs", "second", "seconds")},
    **{word: Decimal(60) for word in ("min", "mins", "minute", "minutes")},
    **{word: Decimal(3600) for word in ("h", "hr", "hrs", "hour", "hours")},
    **{word: Decimal(86400) for word in ("d", "day", "days")},
    **_decimals(milliseconds="1e-3", microseconds="1e-6", nanoseconds="1e-9"),
    **_decimals(millisecond="1e-3", microsecond="1e-6", nanosecond="1e-9"),
}
_BINARY = {f"{letter}i{b}": Decimal(1024) ** k for k, letter in enumerate("KMGT", 1) for b in ("", "B")}

_KELVIN_OR_KILO = {"K": "kelvin or kilo (k)"}

_VOLT = ("V", "v", "volt", "volts", "Volt", "Volts")
_AMPERE = ("A", "amp", "amps", "ampere", "amperes", "Ampere")

UNITS: Mapping[str, Unit] = {
    unit.name: unit
    for unit in (
        Unit(name="", factors=_PARTS, examples="0.05, 5 %, 100 ppm or 1e-3"),
        Unit(
            name="V/V",
            words=_VOLT,
            denominators=_decimals(V="1", mV="1e3", uV="1e6"),
            decibels=True,
            examples="447k, 113 dB, 447 V/mV or 4.47e5",
        ),
        Unit(
            name="ohm",
            words=("ohm", "Ohm", "OHM", "ohms", "Ohms", "OHMS", "R", "\N{GREEK CAPITAL LETTER OMEGA}"),
            letters="R",
            examples="10k, 4k7, 4.7 kOhm, 1Meg or 1e3",
        ),
        Unit(name="F", words=("F", "farad", "farads", "Farad"), examples="100p, 2n2, 100 pF or 1e-10"),
        Unit(name="H", words=("H", "henry", "henries", "Henry"), examples="1m, 4u7, 1 mH or 1e-3"),
        Unit(name="V", words=_VOLT, letters="V", examples="0.4m, 400 uV, 5 V or 4e-4"),
        Unit(name="A", words=_AMPERE, unclear={"a": "atto or ampere (A)"}, examples="2p, 2 pA, 6.4 mA or 2e-12"),
        Unit(name="Hz", words=("Hz", "hz", "HZ", "hertz", "Hertz"), examples="65Meg, 65 MHz, 10 kHz or 6.5e7"),
        Unit(
            name="s",
            words=("s",),
            factors=_TIMES,
            unclear={"m": "milliseconds (ms) or minutes (min)"},
            examples="20us, 1.5 ms, 60, 5 min, 2 h or 1e-6",
        ),
        Unit(
            name="K",
            words=("K", "kelvin", "Kelvin"),
            bare=False,
            celsius=True,
            examples="300.15 K, 27 C or -40 degC",
        ),
        Unit(
            name="K of difference",
            label="K",
            words=("K", "kelvin", "Kelvin"),
            factors=_DEGREES,
            bare=False,
            examples="5, 5 K or 0.5 degC",
        ),
        Unit(name="V/s", words=_VOLT, denominators=_INVERSE_SECONDS, examples="155 V/us, 8.4 kV/ms or 155e6"),
        Unit(name="V/sqrt(Hz)", words=_VOLT, denominators=_ROOT_HERTZ, examples="7 nV/rtHz, 7 nV/sqrt(Hz), 7n or 7e-9"),
        Unit(
            name="A/sqrt(Hz)",
            words=_AMPERE,
            denominators=_ROOT_HERTZ,
            examples="0.6 fA/rtHz, 0.6 fA/sqrt(Hz), 0.6f or 6e-16",
        ),
        Unit(
            name="A^2/Hz",
            words=("A^2", "A2"),
            denominators=_decimals(Hz="1"),
            power=2,
            bare=False,
            examples="2e-17, 2e-17 A^2/Hz or 20 nA^2/Hz",
        ),
        Unit(
            name="V^2/Hz",
            words=("V^2", "V2"),
            denominators=_decimals(Hz="1"),
            power=2,
            bare=False,
            examples="1e-15, 1e-15 V^2/Hz or 1 nV^2/Hz",
        ),
        Unit(name="V^2", words=("V^2", "V2"), power=2, bare=False, examples="1e-6, 1e-6 V^2 or 1 mV^2"),
        Unit(name="W", words=("W", "watt", "watts"), examples="50 mW, 0.05 or 50m"),
        Unit(
            name="V/K",
            words=_VOLT,
            denominators=_DEGREES,
            unclear=_KELVIN_OR_KILO,
            examples="2 uV/K, 2 uV/degC, 2u or 2e-6",
        ),
        Unit(
            name="1/K",
            factors=_PER_DEGREE,
            denominators=_DEGREES,
            unclear=_KELVIN_OR_KILO,
            examples="25 ppm/K, 0.3 %/K or 25e-6",
        ),
        Unit(
            name="1/K^2",
            factors=_PER_DEGREE,
            denominators={f"{word}^2": Decimal(1) for word in _DEGREES},
            unclear=_KELVIN_OR_KILO,
            examples="2 ppm/K^2 or 2e-6",
        ),
        Unit(
            name="byte",
            words=("B", "byte", "bytes"),
            factors=_BINARY,
            unclear={
                "KB": "1000 bytes (kB) or 1024 bytes (KiB)",
                "m": "mega (M) or milli",
                "mB": "mega (MB) or milli",
                "mb": "megabytes (MB) or millibits",
            },
            examples="4G, 4 GB, 4 GiB or 4e9",
        ),
        Unit(
            name="time constants",
            factors=_decimals(**{"tau": "1", "time constant": "1", "time constants": "1"}),
            bare=False,
            examples="5, 0.5 or 5 tau",
        ),
        Unit(name="bits", factors=_decimals(bit="1", bits="1"), bare=False, whole=True, examples="12"),
        Unit(name="cells", factors=_decimals(cell="1", cells="1"), whole=True, examples="8"),
        Unit(name="steps", factors=_decimals(step="1", steps="1"), whole=True, examples="100, 1k or 1e3"),
        Unit(name="samples", factors=_decimals(sample="1", samples="1"), whole=True, examples="100, 1k or 1e3"),
        Unit(name="count", label="", whole=True, examples="8, 1k or 1e3"),
    )
}
"""Units by their names."""
