"""JSON to the parts of an instance, and back."""

_SCHEMA = 1
