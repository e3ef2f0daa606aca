"""Runs performed, watched, kept."""

from ._dask import SILENCE as SILENCE
from ._dask import has_dask as has_dask
from ._dispatch import Stopped as Stopped
from ._dispatch import perform as perform
from ._executor import Executor as Executor
from ._executors import check as check
from ._executors import executor as executor
from ._nominal import nominal_metrics as nominal_metrics
from ._store import Record as Record
from ._store import Store as Store
from ._store import alone_in as alone_in
