"""What may come of an input from outside: it is taken, or refused in one line that a person reads."""

from collections.abc import Callable
from typing import Any

from thermospice.files import explain

LONGEST = 1000
"""Characters of a message."""


def refused_or_taken(attempt: Callable[[], Any]) -> bool:
    """True when it was taken, False when it was refused well; raises whatever the command line would call a bug."""
    try:
        attempt()
    except Exception as error:
        message = explain(error)
        if "(a bug" in message:
            raise
        assert message.isprintable(), message
        assert 0 < len(message) <= LONGEST, message
        return False
    return True
