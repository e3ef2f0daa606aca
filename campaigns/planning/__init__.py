"""From a study to its runs, addressed by content."""

from ._plan import Plan as Plan
from ._plan import PlannedRun as PlannedRun
from ._plan import plan as plan
from ._task import SCHEMA as SCHEMA
from ._task import digest_of as digest_of
from ._task import key_of as key_of
