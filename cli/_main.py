"""The entry of the command line: it hears Ctrl-C before it loads anything that takes time."""

import sys
from collections.abc import Sequence

from .signals import endings_interrupt, interrupts_kept

INTERRUPTED = 130
"""Exit code of a command that Ctrl-C or a signal has ended."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 success, 1 a check fell short, 2 bad input, 130 Ctrl-C.

    Args:
        arguments: without the program's name; default `sys.argv[1:]`.
    """
    try:
        with interrupts_kept(), endings_interrupt():
            from ._app import perform

            return perform(arguments)
    except KeyboardInterrupt:
        # Commands say themselves how to go on; this came before, or after, there was one.
        print("thermospice: interrupted", file=sys.stderr)
        return INTERRUPTED
