"""Text, tables and descriptions: read strictly, written whole. Knows nothing of chips.

`quantities` and `tables` are taken by their own names, since pydantic and numpy come with them.
"""

from ._bounds import MOST_RUNS as MOST_RUNS
from ._bounds import MOST_SEED as MOST_SEED
from ._bounds import check_count as check_count
from ._bounds import check_seed as check_seed
from ._bounds import in_gigabytes as in_gigabytes
from ._bounds import most_memory as most_memory
from ._bounds import seed_fault as seed_fault
from ._bounds import shortened as shortened
from ._exceptions import BoundError as BoundError
from ._exceptions import FileError as FileError
from ._json import parse_json as parse_json
from ._json import read_json as read_json
from ._json import read_json_lines as read_json_lines
from ._opening import CHECKPOINT as CHECKPOINT
from ._opening import DATABASE as DATABASE
from ._opening import DESCRIPTION as DESCRIPTION
from ._opening import IMAGES as IMAGES
from ._opening import JSON as JSON
from ._opening import MEASUREMENT as MEASUREMENT
from ._opening import NETLIST as NETLIST
from ._opening import NUMBERS as NUMBERS
from ._opening import PICTURE as PICTURE
from ._opening import ROWS as ROWS
from ._opening import WEIGHTS as WEIGHTS
from ._opening import FileKind as FileKind
from ._opening import UnreadableFile as UnreadableFile
from ._opening import check_plain as check_plain
from ._opening import gunzipped as gunzipped
from ._opening import opened as opened
from ._opening import read_bytes as read_bytes
from ._opening import read_text as read_text
from ._processes import child_environment as child_environment
from ._processes import current_folder_left_out as current_folder_left_out
from ._processes import trust_no_current_folder as trust_no_current_folder
from ._reasons import Refusal as Refusal
from ._reasons import joined as joined
from ._reasons import reasons as reasons
from ._verdicts import judged as judged
from ._writing import drafted as drafted
from ._writing import no_link as no_link
from ._writing import replacing as replacing
from ._writing import sweep_drafts as sweep_drafts
from ._writing import write_atomically as write_atomically
from ._yaml import parse_yaml as parse_yaml
