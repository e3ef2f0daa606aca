"""Commands as a user calls them."""

from ..commands import dying_ngspice, no_ngspice, run

__all__ = ["dying_ngspice", "no_ngspice", "run"]
