"""What a caller of this room can catch."""


class FileError(Exception):
    """A file cannot be read as what it should be; the message is one line: file, what was expected, what came."""


class BoundError(ValueError):
    """More is asked for than is done, or a number that is none: one line with the name, what was expected and came."""
