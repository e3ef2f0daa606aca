"""Text, tables and descriptions: read strictly, written whole. Knows nothing of chips."""

from ._exceptions import BoundError as BoundError
from ._exceptions import FileError as FileError
from ._explain import explain as explain
from ._explain import warnings_in_one_line as warnings_in_one_line
from ._json import Whole as Whole
from ._json import parse_json as parse_json
from ._json import plain as plain
from ._json import read_json as read_json
from ._json import read_json_lines as read_json_lines
from ._reasons import Refusal as Refusal
from ._reasons import joined as joined
from ._reasons import one_of as one_of
from ._reasons import reasons as reasons
from ._result_names import LOCK as LOCK
from ._verdicts import judged as judged
from ._writing import drafted as drafted
from ._writing import no_link as no_link
from ._writing import plain_comment as plain_comment
from ._writing import replacing as replacing
from ._writing import sweep_drafts as sweep_drafts
from ._writing import write_atomically as write_atomically
from ._writing import write_bytes as write_bytes
from ._writing import write_json as write_json
from ._writing import write_text as write_text
from ._yaml import parse_yaml as parse_yaml
from ._yaml import read_yaml as read_yaml
from .doors import lazy_names as lazy_names
from .doors import moved_names as moved_names
from .opening import FileKind as FileKind
from .opening import UnreadableFile as UnreadableFile
from .opening import check_plain as check_plain
from .opening import opened as opened
from .opening import read_bytes as read_bytes
from .opening import read_text as read_text

_MOVED = {
    "CHECKPOINT": "thermospice.files.opening",
    "DATABASE": "thermospice.files.opening",
    "DESCRIPTION": "thermospice.files.opening",
    "IMAGES": "thermospice.files.opening",
    "JSON": "thermospice.files.opening",
    "MEASUREMENT": "thermospice.files.opening",
    "MOST_RUNS": "thermospice.files.opening",
    "MOST_SEED": "thermospice.files.opening",
    "NETLIST": "thermospice.files.opening",
    "NUMBERS": "thermospice.files.opening",
    "PICTURE": "thermospice.files.opening",
    "ROWS": "thermospice.files.opening",
    "WEIGHTS": "thermospice.files.opening",
    "check_count": "thermospice.files.opening",
    "check_seed": "thermospice.files.opening",
    "child_environment": "thermospice.files.opening",
    "current_folder_left_out": "thermospice.files.opening",
    "gunzipped": "thermospice.files.opening",
    "in_gigabytes": "thermospice.files.opening",
    "most_memory": "thermospice.files.opening",
    "seed_fault": "thermospice.files.opening",
    "shortened": "thermospice.files.opening",
    "sweep_drafts": "thermospice.files",
    "trust_no_current_folder": "thermospice.files.opening",
}

__getattr__ = moved_names(__name__, _MOVED)
