"""A bar per run while a person is watching, silence otherwise."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

Progress = Callable[[str, int, int, float], None]
"""Called with the run's name, its step, the number of steps, and the training loss."""


@contextmanager
def show_progress(runs: Mapping[str, int], quiet: bool) -> Iterator[Progress]:
    """Progress of named runs with their numbers of steps, on standard error if that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield _ignore
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=console) as bars:
        whole = bars.add_task("all runs", total=sum(runs.values()), note="steps")
        done = dict.fromkeys(runs, 0)
        shown = {}

        def progress(run: str, step: int, steps: int, loss: float) -> None:
            if run not in shown:
                shown[run] = bars.add_task(run, total=steps, note="")
            done[run] = step
            bars.update(shown[run], completed=step, note=f"loss {loss:.4g}", visible=step < steps)
            bars.update(whole, completed=sum(done.values()))

        yield progress


def _ignore(run: str, step: int, steps: int, loss: float) -> None:
    pass
