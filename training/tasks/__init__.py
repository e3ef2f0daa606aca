"""What is trained."""

from ._by_name import TASK_KINDS as TASK_KINDS
from ._by_name import TASKS as TASKS
from ._by_name import TaskKind as TaskKind
from ._by_name import load_task as load_task
from ._squad import TINY as TINY
from ._squad import exact_match as exact_match
from ._task import Split as Split
from ._task import Task as Task
from .language import Adapted as Adapted
from .readers import Question as Question
from .readers import read_squad as read_squad
