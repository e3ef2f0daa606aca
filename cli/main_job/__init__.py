"""`thermospice run` in stages."""

from typing import TYPE_CHECKING

from ...files import lazy_names

if TYPE_CHECKING:
    from ._forecast import main_job_forecast as main_job_forecast
    from ._main_job import main_job as main_job
    from ._state import JobSettings as JobSettings
    from ._state import State as State

_HOMES = {"JobSettings": "_state", "State": "_state", "main_job": "_main_job", "main_job_forecast": "_forecast"}

# Together they take seconds to load.
__getattr__ = lazy_names(__name__, _HOMES)
