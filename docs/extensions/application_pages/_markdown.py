"""Markdown itself: tables, code and prose."""

import re
from typing import Any


def table(head: tuple[str, ...], rows: Any) -> str:
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    lines += [f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in rows]
    return "\n".join(lines)


def code(value: Any) -> str:
    return f"`{value}`"


def prose(text: str) -> str:
    """Text as it stands, with what markdown would take for its own written out; code stays code."""
    pieces = re.split(r"(`[^`]*`)", text)
    return "".join(piece if k % 2 else re.sub(r"([\\*_$<>\[\]#{}])", r"\\\1", piece) for k, piece in enumerate(pieces))
