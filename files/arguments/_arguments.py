"""Arguments that are none, each in one line: whose, which, what was expected, and what came."""

import math
from numbers import Integral, Real
from typing import Any


def shown(value: Any) -> str:
    """A value in a message: one line, however large an array it is."""
    line = " ".join(repr(value).split())
    return line if len(line) <= 60 else f"{line[:57]}..."


def is_number(value: Any) -> bool:
    """Whether it is a number of any library, a tensor or an array of no axes among them; a truth value is none."""
    if isinstance(value, bool):
        return False
    if isinstance(value, Real):
        return True
    kind = str(getattr(value, "dtype", ""))
    return getattr(value, "ndim", None) == 0 and ("float" in kind or "int" in kind)


def check_number(
    owner: str,
    name: str,
    value: Any,
    least: float = 0.0,
    below: float = math.inf,
    *,
    above: bool = False,
    infinite: bool = False,
) -> None:
    """Raise ValueError unless a number is at least `least`, or above it, and less than `below`.

    It may be infinite where that is allowed.
    """
    if is_number(value):
        number = float(value)
        enough = number > least if above else number >= least
        if enough and (number < below or (infinite and number == math.inf)):
            return
    bounds = f"{name} {'>' if above else '>='} {least:g}{f' and < {below:g}' if math.isfinite(below) else ''}"
    raise ValueError(f"{owner}: expected {'' if infinite else 'a finite '}{bounds}, got {shown(value)}")


def check_whole(owner: str, name: str, value: Any, least: int, what: str = "") -> None:
    """Raises ValueError for what is no whole number, or below `least`."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        counted = f" of {what}" if what else ""
        raise ValueError(f"{owner}: expected {name} >= {least}, a whole number{counted}, got {shown(value)}")


def check_choice(owner: str, name: str, value: Any, choices: tuple[str, ...]) -> None:
    """Raises ValueError for what is none of these words."""
    if isinstance(value, str) and value in choices:
        return
    words = ", ".join(f'"{choice}"' for choice in choices[:-1]) + f' or "{choices[-1]}"'
    raise ValueError(f"{owner}: expected {name} {words}, got {shown(value)}")


def check_flag(owner: str, name: str, value: Any) -> None:
    """Raises ValueError for what is neither True nor False."""
    if not isinstance(value, bool):
        raise ValueError(f"{owner}: expected {name} as True or False, got {shown(value)}")
