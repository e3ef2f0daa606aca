"""What constructors say of arguments that are none."""

from ._arguments import check_choice as check_choice
from ._arguments import check_flag as check_flag
from ._arguments import check_number as check_number
from ._arguments import check_whole as check_whole
from ._arguments import is_number as is_number
from ._arguments import shown as shown
