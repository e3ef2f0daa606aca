"""A study becomes many runs, on one machine or a cluster, and a table with intervals."""

from typing import TYPE_CHECKING

from ..files import lazy_names
from ._exceptions import StudyError as StudyError

if TYPE_CHECKING:
    from ._campaign import STATE as STATE
    from ._campaign import CampaignResult as CampaignResult
    from ._campaign import run_campaign as run_campaign
    from ._forecast import campaign_forecast as campaign_forecast
    from ._performing import Execution as Execution
    from ._performing import Progress as Progress
    from ._process_campaign import fit_chips as fit_chips
    from ._process_campaign import folders_of as folders_of
    from ._process_campaign import is_measured as is_measured
    from ._process_campaign import measure_chip as measure_chip
    from .planning import plan as plan
    from .runs import Store as Store
    from .studies import Study as Study
    from .studies import load_study as load_study
    from .studies import parse_study as parse_study
    from .studies import to_plain as to_plain

_HOMES = {
    "CampaignResult": "_campaign",
    "Execution": "_performing",
    "Progress": "_performing",
    "STATE": "_campaign",
    "Store": "runs._store",
    "Study": "studies._study",
    "campaign_forecast": "_forecast",
    "fit_chips": "_process_campaign",
    "folders_of": "_process_campaign",
    "load_study": "studies._study_file",
    "is_measured": "_process_campaign",
    "measure_chip": "_process_campaign",
    "parse_study": "studies._study_file",
    "plan": "planning._plan",
    "run_campaign": "_campaign",
    "to_plain": "studies._study_file",
}

# Together they take seconds to load.
__getattr__ = lazy_names(__name__, _HOMES)
