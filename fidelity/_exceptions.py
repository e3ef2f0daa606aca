"""What a caller of this room can catch."""


class CaseError(Exception):
    """A chip cannot be compared as it was asked; the message is one line that says why."""
