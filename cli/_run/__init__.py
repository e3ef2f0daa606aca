"""The main job in stages; each writes its files, so that an interrupted run goes on where it was."""

from ._main_job import main_job as main_job
from ._state import Settings as Settings
from ._state import State as State
