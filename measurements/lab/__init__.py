"""Files of a laboratory, and what they do not say."""

from ._description import NAME as NAME
from ._description import Lab as Lab
from ._description import LabFacts as LabFacts
from ._description import RecordFacts as RecordFacts
from ._description import found_beside as found_beside
from ._records import LabData as LabData
from ._records import read_lab as read_lab
