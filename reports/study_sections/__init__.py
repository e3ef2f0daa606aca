"""The report's part on a study."""

from ._study import study as study
