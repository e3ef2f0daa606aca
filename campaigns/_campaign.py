"""A campaign from the study to the pictures: what is done already is not done again."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..files import plain, write_bytes, write_json, write_text
from ..files.forecasts import free_memory
from ..files.opening import available_cores
from ._exceptions import StudyError
from ._forecast import campaign_forecast, check_campaign
from ._optimising import Optimising, search_forecast, search_of
from ._performing import Execution, Performer, Progress
from ._summary import campaign_summary, has_passed
from .planning import Plan, PlanMaker, plan
from .results import (
    Characteristic,
    characteristics,
    condition_of,
    deviations_behind,
    paired_differences,
    specification,
    unfinished,
    with_ratios,
    write_characteristics,
    write_dataset,
    write_junit,
    write_specification,
    write_table,
)
from .runs import Record, Stopped, Store, alone_in, check, nominal_metrics
from .sensitivity import ranking, write_ranking
from .studies import NetlistSettings, Study, to_plain, to_yaml

STATE = "state.json"
"""The study of a campaign's folder, and what the folder is."""


@dataclass(frozen=True, eq=False)
class CampaignResult:
    """What a campaign found, as it stands in the folder."""

    folder: Path
    study: Study
    plan: Plan
    records: tuple[Record | None, ...]
    """One for each run of the plan; None where the campaign ended before it."""
    summary: Mapping[str, Any]

    @property
    def passed(self) -> bool:
        """Whether no run failed, no reference is missing and every required yield was reached."""
        return has_passed(self.summary)


def run_campaign(
    study: Study,
    folder: str | Path,
    execution: Execution | None = None,
    progress: Progress | None = None,
    where: str = "study",
    tell: Callable[[str], None] | None = None,
) -> CampaignResult:
    """Perform every run of a study that its folder does not hold yet; leave tables, pictures and summary.json.

    An interrupt leaves the tables of what was done and goes on to the caller.

    Args:
        study: from `load_study` or `parse_study`.
        folder: made when it is not there; without `resume` it holds no campaign.
        execution: where the runs are performed.
        progress: called after every run.
        where: names the study in messages.
        tell: called with a sentence on what the campaign will take, where that is more than a minute or a gigabyte.

    Raises:
        StudyError: a study that cannot be done, or a folder that is not this campaign's.
        SimulatorMissing: there is no ngspice.
    """
    execution = execution or Execution()
    target = Path(folder)
    check(execution.scheduler, execution.workers, execution.scheduler_timeout)
    if execution.retry_failed and not execution.resume:
        raise StudyError("a new campaign has no failed runs that could be tried again; resume one")
    if not execution.resume and (target / STATE).exists():
        raise StudyError(f"{target}: holds a campaign already; resume it, or choose another folder")
    what = plan(study, where)
    search = None if study.optimise is None else search_of(study, where)
    _announce(what if search is None else search_forecast(study, search, where), study, execution, where, tell)
    if study.kind != "training" and execution.scheduler is None:
        _find_simulators(what)
    with alone_in(target):
        write_json(target / STATE, {"command": "sweep", "study": to_plain(study)})
        write_text(target / "study.yaml", to_yaml(study))
        with (
            Store.opened(target) as store,
            Performer.at_work(target, study, store, execution, progress or _silent) as performer,
        ):
            if search is None:
                return _Campaign(target, study, what, performer).carried_out()
            found = Optimising(target, study, PlanMaker(study, where), search, performer).carried_out()
            return CampaignResult(target, study, found[0], tuple(found[1]), plain(found[2]))


def _announce(what: Plan, study: Study, execution: Execution, where: str, tell: Callable[[str], None] | None) -> None:
    """Say what is long or large, refuse what does not fit. A cluster's workers are not known beforehand."""
    if execution.scheduler is not None or (study.kind == "training" and tell is None):
        return  # to know what a training takes some are begun, for those who want to be told
    expected = campaign_forecast(what, execution.workers or available_cores())
    try:
        check_campaign(expected, study.timeout, free_memory())
    except StudyError as error:
        raise StudyError(f"{where}: {error}") from None
    text = expected.text(f"{len(what.runs) + len(what.references):,} runs take")
    if tell is not None and not execution.resume and text is not None:
        tell(text)


def _find_simulators(what: Plan) -> None:
    """Raise `SimulatorMissing` for one that the runs ask for and that is not there."""
    from ..netlists.simulators import find_vacask, proven_ngspice  # PySpice

    asked = {run.task.get("engine", "ngspice") for run in what.runs}
    if "vacask" in asked:
        find_vacask()
    if asked != {"vacask"}:
        proven_ngspice()


def _silent(done: int, failed: int, total: int) -> None:
    pass


@dataclass(frozen=True, eq=False)
class _Campaign:
    folder: Path
    study: Study
    plan: Plan
    performer: Performer

    def carried_out(self) -> CampaignResult:
        started = time.perf_counter()
        outcome: dict[str, Any] = {"outcome": "complete"}
        try:
            self.performer.do((*self.plan.runs, *self.plan.references))
        except Stopped as stopped:
            outcome = {"outcome": "stopped", "stopped": str(stopped)}
        except KeyboardInterrupt:
            self._report({"outcome": "interrupted"}, started)
            raise
        return self._report(outcome, started)

    def _report(self, outcome: Mapping[str, Any], started: float) -> CampaignResult:
        """Table, array file, pictures and summary of what is done."""
        study = self.study
        known = self.performer.known
        what = self.plan
        folder = self.folder
        records = with_ratios(study, what, known)
        write_table(folder / "table.csv", study, what, records)
        write_dataset(folder / "results.nc", study, what, records)
        if study.kind == "training":
            from .results import gather  # torch

            gather(folder, study, what, records)
        summary = {"command": "sweep", **campaign_summary(study, what, records), **outcome}
        summary |= {"reused": self.performer.reused, "table": "table.csv"}
        summary["pictures"] = [] if outcome["outcome"] == "interrupted" else self._draw(records)
        if lacking := unfinished(what, known):
            summary["references_missing"] = [run.chip for run in lacking]
        if study.sensitivity is not None and not summary["missing"]:
            summary |= self._ranked([record for record in records if record is not None])
        if study.netlist is not None and study.sensitivity is None:
            nominal = {} if outcome["outcome"] == "interrupted" else self._nominal(records)
            summary |= self._characteristics(study.netlist, records, nominal)
        if differences := paired_differences(study, what, records):
            summary["differences"] = differences
        if study.specification is not None:
            summary["specification"] = specification(study, study.specification, what, records)
            write_specification(folder / "specification.csv", summary["specification"])
        summary["elapsed_s"] = time.perf_counter() - started
        write_json(folder / "summary.json", summary)
        return CampaignResult(folder, study, what, tuple(records), plain(summary))

    def _ranked(self, records: Sequence[Record]) -> dict[str, Any]:
        """Which parameters matter, as a table, a file and a picture."""
        found = ranking(self.study, self.plan, records)
        write_ranking(self.folder / "sensitivity.csv", found)
        from .figures import sensitivity_picture  # matplotlib

        write_bytes(self.folder / "sensitivity.png", sensitivity_picture(self.study.name, found))
        return {"sensitivity": found, "pictures": ["sensitivity.png"]}

    def _nominal(self, records: Sequence[Record | None]) -> dict[int, dict[str, float]]:
        """Metrics of the circuit without deviations, by condition; a study without chips has them already."""
        tasks = {run.point: run.task for run in reversed(self.plan.runs)}
        if any(task["instance"] is not None for task in tasks.values()):
            return nominal_metrics(tasks, self.study.timeout)
        runs = zip(self.plan.runs, records, strict=True)
        return {run.point: r["metrics"] for run, r in runs if r is not None and r["status"] == "done"}

    def _characteristics(
        self, settings: NetlistSettings, records: Sequence[Record | None], nominal: Mapping[int, Mapping[str, float]]
    ) -> dict[str, Any]:
        """The table of conditions and limits, and what lies behind those that are not kept."""
        found = characteristics(self.study, self.plan, records, nominal)
        write_characteristics(self.folder / "characteristics.csv", found)
        write_junit(self.folder / "junit.xml", self.study.name, found)
        failing = [one for one in found if one.verdict == "fail"]
        return {
            "characteristics": [one.row() for one in found],
            "shortfalls": [
                {
                    "condition": one.condition,
                    "metric": one.metric,
                    "reason": one.reason,
                    "elements": self._behind(settings, one),
                }
                for one in failing
            ],
        }

    def _behind(self, settings: NetlistSettings, one: Characteristic) -> list[dict[str, Any]]:
        """Which elements of the worst chip bring a metric where it is, each alone."""
        if one.worst_chip is None or not settings.tolerances or not settings.mismatch:
            return []
        point = next(values for values in self.plan.points if condition_of(values) == one.condition)
        changes = {name.rpartition(".")[2]: value for name, value in point.items()}
        known = {name: value for name, value in changes.items() if name in NetlistSettings.model_fields}
        there = settings.model_copy(update=known)
        return [
            {"element": name, "deviation": deviation, "change": change}
            for name, deviation, change in deviations_behind(there, one.metric, one.worst_chip)
        ]

    def _draw(self, records: Sequence[Record | None]) -> list[str]:
        from .figures import draw  # matplotlib

        pictures = draw(self.study, self.plan, records)
        for name, content in pictures.items():
            write_bytes(self.folder / name, content)
        return list(pictures)
