"""The report's part on training: curves, final values, modelled time, and where TNGD loses."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .. import figures
from ..figures import quantity
from ..results import (
    QUANTITIES,
    Curve,
    Folder,
    Loss,
    MeanOverSeeds,
    MedianOverSeeds,
    ToTarget,
    analog,
    caution,
    curves,
    label,
    loop_courses,
    losses,
    outcomes,
    outcomes_at,
    shortest_time,
    stopped_of,
    to_target,
    with_common_target,
)
from ..section_parts import Cell
from ..wording import counted, median_text


@dataclass(frozen=True, slots=True)
class TrainingPart:
    """Text, drawings with captions, and tables (caption, head, rows)."""

    text: tuple[str, ...]
    pictures: tuple[tuple[Callable[[], Figure], str], ...]
    tables: tuple[tuple[str, tuple[str, ...], tuple[tuple[str | Cell, ...], ...]], ...]


def training(folder: Folder) -> TrainingPart | None:
    """What the folder says about training, or None."""
    runs = folder.runs
    if not runs:
        return None
    seeds = len({run.get("seed") for run in runs})
    text = [
        f"{counted(len(runs), 'run')}, {counted(seeds, 'seed')}. Lines are means over the seeds, bands and ± the 95 %"
        f" interval of the mean (Student's t).{caution(_fewest(runs))}"
    ]
    several = len({label(run) for run in runs})
    if several > _MOST_LINES:
        # Points of a study: its own pictures and tables say what they end with.
        return TrainingPart(
            (*text, f"{several} settings are too many for curves; the study's part has the results."), (), ()
        )
    text += _scatter(runs)
    text += [_told(name, parts) for name, parts in _time_parts(runs).items() if "loading" in parts]
    when = target_tables(with_common_target(runs, folder.curves))
    tables = (_finals(runs), *when, *_at_equal_time(folder), *_defeats(runs))
    return TrainingPart(tuple(text), _pictures(folder), tables)


_MOST_LINES = 8


def _pictures(folder: Folder) -> tuple[tuple[Callable[[], Figure], str], ...]:
    stopped = stopped_of(folder.runs)
    loss = _marked(curves(folder.curves, "train_loss", logarithmic=True), stopped)
    accuracy = _marked(curves(folder.curves, "test_accuracy"), stopped)
    found: list[tuple[Callable[[], Figure], str]] = []
    if loss:
        found.append(
            (
                lambda: figures.loss_curves(loss, "steps"),
                "Loss on the whole training set against steps: mean and interval of its logarithm. The scale follows"
                " the lines; wide bands of few seeds are cut.",
            )
        )
    if accuracy:
        found.append((lambda: figures.accuracy_curves(accuracy, "steps"), "Test accuracy against steps."))
    if any(c.time is not None for c in loss):
        found.append(
            (
                lambda: figures.loss_curves(loss, "time"),
                "Loss on the whole training set against modelled time. Digital work counts as long as it took one"
                " thread of this machine, whatever else that did (the median of the faster half of the steps), an"
                " analog solve as the hardware model says, with loading the resistors.",
            )
        )
    if loops := loop_courses(folder.curves):
        found.append(
            (
                lambda: figures.loop_courses(loops),
                "The device's loop at the logged steps, a line for each seed. Triangles: the loop would have rung up in"
                " a step since the row before, and the policy acted. A mode above zero grows; at the dotted line it"
                " does so by e in one step, and none may. Those of a warm device have to decay, at half the rate of its"
                " damping. Damping to spare is what the loop could do without.",
            )
        )
    parts = _time_parts(folder.runs)
    if parts:
        found.append((lambda: figures.time_parts(parts), "Modelled time of one step by its parts (logarithmic axis)."))
    return tuple(found)


def _marked(found: list[Curve], stopped: Mapping[str, int]) -> list[Curve]:
    """Whose runs stopped is written beside the name: the curve goes as far as all seeds did."""
    return [replace(c, name=f"{c.name} ({stopped[c.name]} stopped)") if c.name in stopped else c for c in found]


def _time_parts(runs: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Seconds of each part of a step, by optimiser, of its first seed; a digital one has a single part."""
    found: dict[str, dict[str, float]] = {}
    for run in runs:
        if run.get("steps") and "modelled_time_s" in run:
            parts = {name: run[f"modelled_{name}_s"] for name in _PARTS if f"modelled_{name}_s" in run}
            per_step = {
                name: value / run["steps"] for name, value in (parts or {"digital": run["modelled_time_s"]}).items()
            }
            found.setdefault(label(run), per_step)
    return found


def _scatter(runs: list[dict[str, Any]]) -> list[str]:
    """How far the digital part of modelled time can be trusted: a sentence, or none."""
    spreads = [run["modelled_digital_spread"] for run in runs if "modelled_digital_spread" in run]
    if not spreads:
        return []
    return [
        f"The digital time of a step scatters within a run by {np.median(spreads):.0%} (interquartile range by median,"
        f" of the middle run; {max(spreads):.0%} at most): smaller differences of modelled time mean nothing."
    ]


def _told(name: str, parts: Mapping[str, float]) -> str:
    """Where the modelled time of an analog optimiser goes."""
    own = {part: value for part, value in parts.items() if part != "digital"}
    whole = sum(parts.values())
    device = sum(own.values())
    largest = max(own, key=lambda part: own[part])
    digital = f"{parts.get('digital', 0.0) / whole:.0%} of a modelled step ({quantity(whole, 's', 3)})"
    what = "loading the resistors" if largest == "loading" else f"the {largest}"
    return (
        f"{name}: gradient and curvature, digital and measured here, take {digital}; of the device's own"
        f" {quantity(device, 's', 3)} {what} takes {own[largest] / device:.1%}."
    )


_PARTS = ("digital", "loading", "drive", "relaxation", "readout")


def _finals(runs: list[dict[str, Any]]) -> tuple[str, tuple[str, ...], tuple[tuple[str | Cell, ...], ...]]:
    columns = {q: outcomes(runs, q) for q in QUANTITIES}
    present = [q for q in QUANTITIES if columns[q]]
    names = list(dict.fromkeys(label(run) for run in runs))
    stopped = stopped_of(runs)
    rows = tuple(
        (
            name,
            *(_with_interval(q, columns[q].get(name)) for q in present),
            *(_left(stopped.get(name, 0)),) * bool(stopped),
        )
        for name in names
    )
    head = ("optimiser", *(QUANTITIES[q][0] for q in present), *("",) * bool(stopped))
    return "At the end of training", head, rows


def _left(stopped: int) -> str:
    """A mark for who lost runs."""
    return f"✗ {stopped} stopped" if stopped else ""


def _at_equal_time(folder: Folder) -> tuple[tuple[str, tuple[str, ...], tuple[tuple[str | Cell, ...], ...]], ...]:
    """Where everybody stands when the fastest is done; nothing without modelled times."""
    time = shortest_time(folder.curves)
    if time is None:
        return ()
    columns = {q: outcomes_at(folder.curves, q, time) for q in ("train_loss", "test_loss", "test_accuracy")}
    names = dict.fromkeys(label(row) for row in folder.curves)
    rows = tuple((name, *(_with_interval(q, column.get(name)) for q, column in columns.items())) for name in names)
    reached = quantity(time, "s", 3)
    caption = (
        f"At equal modelled time ({reached}, when the fastest has made all its steps; on a straight line between logged"
        " values)"
    )
    return ((caption, ("optimiser", *(QUANTITIES[q][0] for q in columns)), rows),)


def target_tables(
    runs: Sequence[Mapping[str, Any]],
) -> tuple[tuple[str, tuple[str, ...], tuple[tuple[str | Cell, ...], ...]], ...]:
    """Steps and modelled time to a loss: a table (caption, head, rows) for each target that the entries have."""
    return tuple(_to_target(target, found) for target, found in to_target(runs).items())


def _to_target(
    target: float, found: Mapping[str, ToTarget]
) -> tuple[str, tuple[str, ...], tuple[tuple[str | Cell, ...], ...]]:
    coverages = [one.steps.coverage for one in found.values()]
    held = " to ".join(dict.fromkeys(f"{end:.0%}" for end in (min(coverages), max(coverages))))
    caption = (
        f"To a validation loss of {target:.4g}{_looked_at(found.values())}: median over the seeds, and in brackets"
        f" order statistics that hold it with {held}. A seed that never came there is later than all others"
    )
    rows = tuple(
        (name, f"{one.reached} of {one.steps.seeds}", _median(one.steps), _median(one.time, "s"))
        for name, one in found.items()
    )
    return caption, ("optimiser", "seeds that came there", "steps", "modelled time"), rows


def _looked_at(found: Iterable[ToTarget]) -> str:
    """How exactly the steps are known; nothing where each was looked at, or nobody came there."""
    came = [one.apart for one in found if one.reached]
    if None in came:
        return ", at logged steps"
    most = max((apart for apart in came if apart is not None), default=1)
    return f", which was looked at every {most} steps" if most > 1 else ""


def _median(found: MedianOverSeeds, unit: str = "") -> str:
    return median_text(found.median, found.low, found.high, unit)


def _fewest(runs: list[dict[str, Any]]) -> int:
    """Seeds of the setting that has the fewest."""
    counts = Counter(label(run) for run in runs)
    return min(counts.values())


def _defeats(runs: list[dict[str, Any]]) -> tuple[tuple[str, tuple[str, ...], tuple[tuple[str | Cell, ...], ...]], ...]:
    """Nothing where all are analog, or none: then nobody can lose to another."""
    is_ours = analog(runs)
    if len({is_ours(label(run)) for run in runs}) < 2:
        return ()
    rows = tuple(_defeat(loss) for loss in losses(runs, is_ours))
    if not rows:
        rows = (("nowhere in these quantities", "", "", "", ""),)
    return (("Where TNGD loses", ("quantity", "optimiser", "value", "best rival", "verdict"), rows),)


def _defeat(loss: Loss) -> tuple[str, ...]:
    verdict = "clearly behind" if loss.clear else "behind, within the scatter of the seeds"
    if min(loss.ours_value.seeds, loss.rival_value.seeds) < 2:
        verdict = "behind; one seed, no interval"
    if loss.stopped:
        verdict = f"{_left(loss.stopped)}; the value is of the others"
    rival = f"{loss.rival}: {_shown(loss.quantity, loss.rival_value)}"
    return QUANTITIES[loss.quantity][0], loss.ours, _shown(loss.quantity, loss.ours_value), rival, verdict


def _with_interval(quantity: str, estimate: MeanOverSeeds | None) -> str | Cell:
    if estimate is None or not np.isfinite(estimate.mean):
        return "–"
    ends = (estimate.low, estimate.high) if estimate.seeds > 1 else (None, None)
    return Cell(_shown(quantity, estimate), estimate.mean, "", *ends)


def _shown(quantity: str, estimate: MeanOverSeeds | None) -> str:
    if estimate is None or not np.isfinite(estimate.mean):
        return "–"
    factor, unit = (100.0, " %") if quantity.endswith("accuracy") else (1.0, "")
    digits = ".2f" if unit else ".3g"
    half = factor * (estimate.high - estimate.mean)
    # What differs by rounding alone has no spread worth showing.
    scatters = estimate.seeds > 1 and half > 1e-9 * abs(factor * estimate.mean)
    spread = f" ± {half:{'.2f' if unit else '.2g'}}" if scatters else ""
    return f"{factor * estimate.mean:{digits}}{spread}{unit}"
