"""What a result folder holds. Everything is optional: what is missing on disk is `None` or empty, never made up."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from ...files import FileError, judged, parse_yaml, read_bytes, read_json, read_json_lines, read_text
from ...files.netcdf import read_netcdf
from ...files.opening import DESCRIPTION, NUMBERS, PICTURE
from .._exceptions import ReportError
from . import _schema as schema
from . import _verdict_schema as verdict_schema
from ._checks import check_design, check_pair, check_waveforms, checked, checked_rows, is_measurement, rectangle

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FittedParameter:
    """One fitted deviation: relative (`unit` empty) or in `unit`; `true` is what was drawn, if known."""

    name: str
    index: tuple[int, ...]
    estimate: float
    standard_error: float
    true: float | None = None
    unit: str = ""

    @property
    def z(self) -> float | None:
        """(estimate - true)/standard error."""
        if self.true is None or not self.standard_error > 0:
            return None
        return (self.estimate - self.true) / self.standard_error


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Settled readouts [V] of one program that the calibration did not see: of SPICE and of the models.

    `design` knows the design alone, `calibrated` what was measured of the chip, `nominal` all that was drawn.
    """

    spice: Float[np.ndarray, " cell"]
    design: Float[np.ndarray, " cell"]
    calibrated: Float[np.ndarray, " cell"]
    nominal: Float[np.ndarray, " cell"]


MODELS = ("design", "calibrated", "nominal")

_PNG = b"\x89PNG\r\n\x1a\n"


class Folder:
    """One result folder; files are read when they are asked for, and hold what `_schema` says.

    Raises:
        ReportError: a file is there, and is not what its name says.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._tables: dict[str, dict[str, list[str]]] = {}

    @cached_property
    def summary(self) -> Row:
        return self._object("summary.json", schema.Summary)

    def summary_as(self, kind: Any) -> Row:
        """The summary with what a command of this kind writes."""
        return self._object("summary.json", kind)

    @cached_property
    def design(self) -> Row:
        if (path := self._there("design.yaml")) is None:
            return {}
        try:
            loaded = parse_yaml(read_text(path, DESCRIPTION), str(path))
        except (FileError, ValueError) as error:
            raise ReportError(str(error)) from None
        if not isinstance(loaded, dict):
            raise ReportError(f"{path}: expected the fields of a design, got {type(loaded).__name__}")
        check_design(loaded, str(path))
        return loaded

    @cached_property
    def instance(self) -> Row:
        return self._object("instance.json", schema.InstanceOf)

    @cached_property
    def covariance(self) -> Mapping[str, Float[np.ndarray, "cell cell"]]:
        """`spice` and `model` [V^2]; empty where there is none."""
        found = self._object("covariance.json", schema.Covariance)
        where = str(self.path / "covariance.json")
        maps = {name: rectangle(found[name], name, where) for name in ("spice", "model") if found}
        if len({values.shape for values in maps.values()} | {values.T.shape for values in maps.values()}) > 1:
            raise ReportError(f"{where}: expected two square matrices of one size")
        return maps

    @cached_property
    def fidelity(self) -> list[Row]:
        # A row's own word for its verdict is worth nothing where its numbers say otherwise.
        return [judged(row) for row in self._rows("fidelity.json", schema.RowFields)]

    @cached_property
    def parameters(self) -> list[FittedParameter]:
        rows = self._rows("parameters.json", schema.ParameterRow)
        return [
            FittedParameter(
                row["name"],
                tuple(row["index"]),
                row["estimate"],
                row["standard_error"],
                row.get("true"),
                row.get("unit", ""),
            )
            for row in rows
        ]

    @cached_property
    def residuals(self) -> list[Row]:
        """How far each record of a bench is from the fit."""
        return self._rows("residuals.json", schema.ResidualRow)

    @cached_property
    def experiments(self) -> list[str]:
        """What would tell that which the records did not."""
        return [row["text"] for row in self._rows("experiments.json", schema.ExperimentRow)]

    @cached_property
    def heldout(self) -> list[HeldOut]:
        names = ("spice", *MODELS)
        where = str(self.path / "heldout.json")
        programs = []
        for row in self._rows("heldout.json", schema.HeldOutRow):
            for name in MODELS:
                check_pair(row["spice"], row[name], f"spice and {name}", where)
            programs.append(HeldOut(*(np.array(row[name], dtype=float) for name in names)))
        return programs

    @cached_property
    def waveforms(self) -> xr.Dataset | None:
        """Dataset with `spice` and each of `MODELS` (time, cell), and `sd` (cell) [V]."""
        if (path := self._there("waveforms.nc")) is None:
            return None
        try:
            data = read_netcdf(path)
        except FileError as error:
            raise ReportError(str(error)) from None
        check_waveforms(data, ("spice", *MODELS), str(path))
        return data

    @cached_property
    def measurement(self) -> xr.Dataset | None:
        """What `simulate` measured; None where there is none that can be drawn: a picture of it lies beside it."""
        path = self.path / "measurement.nc"
        if not self._is_own(path) or not path.exists():
            return None
        try:
            data = read_netcdf(path)
        except FileError:
            return None
        return data if is_measurement(data) else None

    @cached_property
    def in_the_loop(self) -> Row:
        """`spice`, `calibrated` and `design`, each with `losses` and final `parameters`; `sd` of the calibration."""
        found = self._object("in-the-loop.json", schema.InTheLoop)
        where = str(self.path / "in-the-loop.json")
        for name in ("spice", "calibrated", "design") if found else ():
            check_pair(found[name]["parameters"], found["sd"], f"{name}.parameters and sd", where)
        return found

    @cached_property
    def runs(self) -> list[Row]:
        return self._training("runs.jsonl", schema.RunRow)

    @cached_property
    def curves(self) -> list[Row]:
        return self._training("curves.jsonl", schema.CurveRow)

    def picture(self, name: str) -> bytes | None:
        """A PNG file of the folder; None where there is none, or a link to what may be anybody's."""
        path = self.path / name
        if not self._is_own(path) or not path.exists():
            return None
        try:
            content = read_bytes(path, PICTURE)
        except FileError as error:
            raise ReportError(str(error)) from None
        if not content.startswith(_PNG):
            raise ReportError(f"{path}: expected a PNG picture")
        return content

    def columns(self, name: str) -> dict[str, list[str]]:
        """A table with a head, by column; empty where there is none, or rows differ in length."""
        if name not in self._tables:
            self._tables[name] = self._read_columns(name)
        return self._tables[name]

    def _read_columns(self, name: str) -> dict[str, list[str]]:
        if (path := self._there(name)) is None:
            return {}
        try:
            rows = list(csv.reader(read_text(path, NUMBERS).splitlines()))
        except (FileError, csv.Error) as error:
            raise ReportError(str(error)) from None
        if not rows or len({len(row) for row in rows}) != 1 or len(set(rows[0])) != len(rows[0]):
            return {}
        return dict(zip(rows[0], map(list, zip(*rows[1:], strict=True)), strict=True)) if len(rows) > 1 else {}

    def settings_of(self, run: str) -> Row:
        """What a run of a training was asked for, tuned values included; empty where its folder does not say."""
        if Path(run).name != run:
            return {}
        for home in ("training", "."):
            if (path := self._there(f"{home}/{run}/experiment.yaml")) is not None:
                return self._description(path, verdict_schema.TrainingFields)
        return {}

    @property
    def foreign(self) -> list[str]:
        """Names of what would be read here and leads out of the folder."""
        names = sorted(path.name for path in self.path.iterdir() if path.is_symlink())
        return [name for name in names if name.endswith(".png")]

    def _is_own(self, path: Path) -> bool:
        return path.resolve() == self.path.resolve() / path.relative_to(self.path)

    def _there(self, name: str) -> Path | None:
        """The path of a file of this folder; None where there is none.

        Raises:
            ReportError: it leads elsewhere, by a link.
        """
        path = self.path / name
        if not self._is_own(path):
            raise ReportError(f"{path}: a link to somewhere else, which a report does not follow; put a copy there")
        return path if path.exists() else None

    def _training(self, name: str, kind: Any) -> list[Row]:
        # `train` fills a folder of its own, `run` and `sweep` one inside theirs
        return self._lines(f"training/{name}", kind) or self._lines(name, kind)

    def _description(self, path: Path, kind: Any) -> Row:
        """The fields of a YAML file."""
        try:
            found = parse_yaml(read_text(path, DESCRIPTION), str(path))
        except (FileError, ValueError) as error:
            raise ReportError(str(error)) from None
        return dict(checked(kind, found, str(path)))

    def _object(self, name: str, kind: Any) -> Row:
        """The fields of a JSON object; none when there is no file."""
        path = self._there(name)
        return {} if path is None else checked(kind, self._json(path), str(path))

    def _rows(self, name: str, kind: Any) -> list[Row]:
        path = self._there(name)
        return [] if path is None else checked_rows(kind, self._json(path), str(path))

    def _json(self, path: Path) -> Any:
        try:
            return read_json(path)
        except FileError as error:
            raise ReportError(str(error)) from None

    def _lines(self, name: str, kind: Any) -> list[Row]:
        if (path := self._there(name)) is None:
            return []
        # A run that was killed while it wrote leaves a last line that is cut short: what is whole counts.
        try:
            rows = list(read_json_lines(path))
        except FileError as error:
            raise ReportError(str(error)) from None
        checked: list[Row] = checked_rows(kind, rows, str(path))
        return checked
