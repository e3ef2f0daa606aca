"""Text, tables and descriptions: read strictly, written whole. Knows nothing of chips.

`quantities` and `tables` are taken by their own names, since pydantic and numpy come with them.
"""

from ._exceptions import FileError as FileError
from ._first_reason import Refusal as Refusal
from ._first_reason import first_reason as first_reason
from ._verdicts import judged as judged
from ._writing import drafted as drafted
from ._writing import no_link as no_link
from ._writing import replacing as replacing
from ._writing import sweep_drafts as sweep_drafts
from ._writing import write_atomically as write_atomically
from ._yaml import parse_yaml as parse_yaml
