"""The names of the files in a result folder, written once."""

LOCK = ".lock"
"""File by which a campaign is alone in its folder."""
