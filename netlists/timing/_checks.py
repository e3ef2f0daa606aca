"""A positive number or an error."""

from .._exceptions import NetlistError


def positive(value: float, where: str) -> float:
    """A positive finite float.

    Raises:
        NetlistError: anything else.
    """
    result = float(value)
    if not 0 < result < float("inf"):
        raise NetlistError(f"{where}: expected a positive number, got {value!r}")
    return result
