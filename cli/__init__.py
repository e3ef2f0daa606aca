"""The command line: one command for each use, the same options and the same exit codes everywhere."""

from ._app import main as main
