"""From a study to its runs, addressed by content."""

from ._plan import Plan as Plan
from ._plan import PlanMaker as PlanMaker
from ._plan import PlannedRun as PlannedRun
from ._plan import plan as plan
from ._sensitivity_points import Layout as Layout
from ._sensitivity_points import study_layout as study_layout
from ._task import SCHEMA as SCHEMA
from ._task import digest_of as digest_of
from ._task import key_of as key_of
