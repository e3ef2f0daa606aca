"""Markdown of the command line, of the settings and of the doors, from the application itself."""

from ._command_line import application as application
from ._command_line import commands as commands
from ._doors import doors as doors
from ._fields import fields as fields
from ._tables import benchmarks as benchmarks
from ._tables import board as board
from ._tables import faults as faults
from ._tables import presets as presets
