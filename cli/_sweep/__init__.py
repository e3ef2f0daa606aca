"""Campaigns: a study file becomes many runs, on one machine or on a cluster, and a table with intervals."""

from ._campaign import STATE as STATE
from ._campaign import CampaignResult as CampaignResult
from ._campaign import Execution as Execution
from ._campaign import Progress as Progress
from ._campaign import run_campaign as run_campaign
from ._study import Study as Study
from ._study import load_study as load_study
from ._study import parse_study as parse_study
from ._study import to_plain as to_plain
from ._tasks import plan as plan
