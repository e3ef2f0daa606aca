"""From an exception to one line that says what, where and what was expected."""


class InputError(Exception):
    """What the user asked for cannot be done; the message is one line that says why and what to do."""
