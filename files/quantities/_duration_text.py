"""How long something takes, in words."""

_FEWEST_OF_THE_NEXT = 99.5
"""From here on two digits would be a hundred, and the next unit is shorter."""


def duration_text(seconds: float) -> str:
    """A duration to two digits, as `92 s`, `2.5 min` or `1.7 h`."""
    if seconds < _FEWEST_OF_THE_NEXT:
        return f"{_two_digits(seconds)} s"
    minutes = seconds / 60
    if minutes < _FEWEST_OF_THE_NEXT:
        return f"{_two_digits(minutes)} min"
    return f"{_two_digits(minutes / 60)} h"


def _two_digits(value: float) -> str:
    # `.2g` alone writes 120 with an exponent.
    return f"{float(f'{value:.2g}'):g}"
