"""Runs performed, watched, kept."""

from ._child_process import Child as Child
from ._child_process import Ended as Ended
from ._child_process import may_fork as may_fork
from ._dask import SILENCE as SILENCE
from ._dask import has_dask as has_dask
from ._dispatch import Executor as Executor
from ._dispatch import Stopped as Stopped
from ._dispatch import perform as perform
from ._executors import check as check
from ._executors import executor as executor
from ._nominal import nominal_metrics as nominal_metrics
from ._store import Record as Record
from ._store import Store as Store
from ._store import alone_in as alone_in
