"""What a caller of this room can catch."""


class ReportError(ValueError):
    """A result folder cannot be reported; the message is one line that names the file."""
