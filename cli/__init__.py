"""The command line, and nothing that a Python user would want."""

from ._app import app as app
from ._app import main as main
from ._exceptions import InputError as InputError
