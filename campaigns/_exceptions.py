"""What a caller of this room can catch."""


class StudyError(Exception):
    """A study, or the folder of its campaign, is not what was expected; the message is one line that says why."""
