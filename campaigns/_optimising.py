"""A campaign that looks for the cheapest design, and then tries it on chips that the search has never drawn."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..files import joined, write_bytes, write_json
from ._exceptions import StudyError
from ._performing import Performer
from ._summary import campaign_summary
from .optimisation import Cost, Search, Space, Tried, cheapest, design_rows, tried_of, verified, write_designs
from .planning import Plan, PlanMaker, PlannedRun
from .results import unfinished, with_ratios, write_dataset, write_table
from .runs import Record, Stopped
from .studies import Study


def search_of(study: Study, where: str) -> Search:
    """The search of a study with `optimise`.

    Raises:
        StudyError: a cost that is none, or a parameter that is not a field.
    """
    assert study.optimise is not None
    asked = study.optimise
    maker = PlanMaker(study, where)
    try:
        space = Space.of(study, maker.read)
        cost = Cost.of(study)
        if wrong := [fault for name, values in space.ends.items() for fault in cost.faults(name, list(values))]:
            raise ValueError(joined(wrong))
    except ValueError as error:
        text = str(error).removeprefix(f"{where}: ")
        raise StudyError(f"{where}: {text}") from None
    designs = asked.runs // study.instances
    return Search(space, cost, study.limits, asked.confidence, designs, study.seed)


def search_forecast(study: Study, search: Search, where: str) -> Plan:
    """As many runs of its first design as a search may use, for what it will take."""
    one = PlanMaker(study, where).plan(search.proposals([])[:1])
    return Plan(one.points, one.chips, one.runs * search.designs)


@dataclass(eq=False)
class Optimising:
    """The search, and what it has found so far."""

    folder: Path
    study: Study
    maker: PlanMaker
    search: Search
    performer: Performer
    history: list[Tried] = field(default_factory=list)
    _pending: list[dict[str, Any]] = field(default_factory=list)
    """Designs whose chips are being tried."""
    _new: Plan | None = None
    """Of the chosen design on new chips."""

    def carried_out(self) -> tuple[Plan, list[Record | None], dict[str, Any]]:
        """Plan, records and summary."""
        started = time.perf_counter()
        outcome: dict[str, Any] = {"outcome": "complete"}
        try:
            self._searched()
            self._verified()
        except Stopped as stopped:
            outcome = {"outcome": "stopped", "stopped": str(stopped)}
        except KeyboardInterrupt:
            self._report({"outcome": "interrupted"}, started)
            raise
        return self._report(outcome, started)

    def _searched(self) -> None:
        """Try designs until the search is over. What the folder holds is not tried again, and so leads the same way."""
        study = self.study
        assert study.optimise is not None
        expected = self.search.designs * study.instances + study.optimise.verify
        while new := self.search.proposals(self.history):
            self._pending = new
            what = self.maker.plan(new)
            self.performer.do((*what.runs, *what.references), expected)
            records = self._records(what)
            for p in range(len(new)):
                mine = [r for run, r in zip(what.runs, records, strict=True) if run.point == p and r is not None]
                self.history.append(tried_of(study.limits, what.points[p], mine))
            self._pending = []

    def _verified(self) -> None:
        study = self.study
        assert study.optimise is not None
        best = self.search.best(self.history)
        if best is None:
            return
        first = study.seed + study.instances
        chips = range(first, first + study.optimise.verify)
        what = self.maker.plan([self.history[best].design], chips)
        self.performer.do((*what.runs, *what.references))
        self._new = what

    def _records(self, what: Plan) -> list[Record | None]:
        return with_ratios(self.study, what, self.performer.known)

    def _report(self, outcome: dict[str, Any], started: float) -> tuple[Plan, list[Record | None], dict[str, Any]]:
        """Tables, array file, picture and summary of what is done."""
        study = self.study
        folder = self.folder
        what = self.maker.plan([*(one.design for one in self.history), *self._pending])
        records = self._records(what)
        write_table(folder / "table.csv", study, what, records)
        if what.runs:
            write_dataset(folder / "results.nc", study, what, records)
        new = None if self._new is None else self._records(self._new)
        if study.kind == "training":
            self._gather(what, records, new)
        summary = {"command": "sweep", **campaign_summary(study, what, records), **outcome}
        summary |= {"reused": self.performer.reused, "table": "table.csv", "pictures": []}
        if lacking := (*unfinished(what, self.performer.known), *self._lacking()):
            summary["references_missing"] = [run.chip for run in lacking]
        if self.history:
            summary |= self._found(what, records, new, outcome["outcome"] == "interrupted")
        summary["elapsed_s"] = time.perf_counter() - started
        write_json(folder / "summary.json", summary)
        return what, records, summary

    def _lacking(self) -> list[PlannedRun]:
        return [] if self._new is None else list(unfinished(self._new, self.performer.known))

    def _found(
        self, what: Plan, records: Sequence[Record | None], new: Sequence[Record | None] | None, interrupted: bool
    ) -> dict[str, Any]:
        """The cheapest design, and the verdict of new chips."""
        study = self.study
        chips = len(what.chips)
        there = _there(records[: chips * len(self.history)])
        rows = design_rows(self.search, self.history, [there[k : k + chips] for k in range(0, len(there), chips)])
        write_designs(self.folder / "designs.csv", study, rows)
        found = cheapest(study, self.search, rows, self.history)
        if new is not None and self._new is not None:
            write_table(self.folder / "verification.csv", study, self._new, new)
            found["verification"] = verified(study, self._new, _there(new))
        verdict = found.get("verification", {"met": False, "surely": False})
        found |= {"met": verdict["met"], "surely": verdict["surely"]}
        if interrupted:
            return {"optimised": found}
        from .figures import designs_picture  # matplotlib

        write_bytes(self.folder / "designs.png", designs_picture(study, rows, found))
        return {"optimised": found, "pictures": ["designs.png"]}

    def _gather(self, what: Plan, records: Sequence[Record | None], new: Sequence[Record | None] | None) -> None:
        from .results import gather  # torch

        runs = what.runs
        every = list(records)
        if self._new is not None and new is not None:
            runs = (*runs, *self._new.runs)
            every = [*records, *new]
        gather(self.folder, self.study, Plan(what.points, what.chips, runs), every)


def _there(records: Iterable[Record | None]) -> list[Record]:
    return [record for record in records if record is not None]
