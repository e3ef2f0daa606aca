"""Held-out rows for a person."""

from rich.table import Table
from rich.text import Text

from ...fidelity import HeldOutRow


def table(found: list[HeldOutRow]) -> Table:
    """For a person."""
    shown = Table("analysis", "metric", "at (K)", "worst", "limit", "", box=None)
    for row in found:
        verdict = Text("passed", style="green") if row["passed"] else Text("FAILED", style="red")
        value = f"{row['value']:.1e}"
        limit = f"{row['limit']:.1e}"
        shown.add_row(row["analysis"], row["metric"], f"{row['temperature']:.5g}", value, limit, verdict)
    return shown
