"""What a result folder holds. Everything is optional: what is missing on disk is `None` or empty, never made up."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import yaml
from jaxtyping import Float

from ..files import judged


class ReportError(ValueError):
    """A result folder cannot be reported; the message is one line that names the file."""


@dataclass(frozen=True, slots=True)
class Parameter:
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


class Folder:
    """One result folder; files are read when they are asked for.

    Raises:
        ReportError: a file is there, and is not what its name says.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def summary(self) -> dict[str, Any]:
        return self._object("summary.json")

    @cached_property
    def design(self) -> dict[str, Any]:
        if (path := self._there("design.yaml")) is None:
            return {}
        try:
            loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
        except yaml.YAMLError as error:
            raise ReportError(f"{path}: not valid YAML") from error
        return loaded if isinstance(loaded, dict) else {}

    @cached_property
    def program(self) -> dict[str, Any]:
        return self._object("program.json")

    @cached_property
    def instance(self) -> dict[str, Any]:
        return self._object("instance.json")

    @cached_property
    def symbolic(self) -> dict[str, Any]:
        return self._object("symbolic.json")

    @cached_property
    def covariance(self) -> dict[str, Any]:
        return self._object("covariance.json")

    @cached_property
    def fidelity(self) -> list[dict[str, Any]]:
        loaded = self._json("fidelity.json")
        # A row's own word for its verdict is worth nothing where its numbers say otherwise.
        return [judged(row) for row in loaded if isinstance(row, Mapping)] if isinstance(loaded, list) else []

    @cached_property
    def parameters(self) -> list[Parameter]:
        rows = self._json("parameters.json")
        return [Parameter(**{**row, "index": tuple(row["index"])}) for row in rows] if rows else []

    @cached_property
    def heldout(self) -> list[HeldOut]:
        rows = self._json("heldout.json")
        names = ("spice", *MODELS)
        return [HeldOut(*(np.array(row[name]) for name in names)) for row in rows] if rows else []

    @cached_property
    def waveforms(self) -> xr.Dataset | None:
        """Dataset with `spice` and each of `MODELS` (time, cell), and `sd` (cell) [V]."""
        if (path := self._there("waveforms.nc")) is None:
            return None
        try:
            return xr.load_dataset(path, engine="h5netcdf")
        except OSError as error:
            raise ReportError(f"{path}: not a netCDF file") from error

    @cached_property
    def in_the_loop(self) -> dict[str, Any]:
        """`spice`, `calibrated` and `design`, each with `losses` and final `parameters`; `sd` of the calibration."""
        return self._object("in-the-loop.json")

    @cached_property
    def runs(self) -> list[dict[str, Any]]:
        return self._training("runs.jsonl")

    @cached_property
    def curves(self) -> list[dict[str, Any]]:
        return self._training("curves.jsonl")

    def picture(self, name: str) -> bytes | None:
        """A picture of this folder; None where there is none, or a link to what may be anybody's."""
        path = self.path / name
        return path.read_bytes() if self._is_own(path) and path.is_file() else None

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

    def _training(self, name: str) -> list[dict[str, Any]]:
        # `train` fills a folder of its own, `run` and `sweep` one inside theirs
        return self._lines(f"training/{name}") or self._lines(name)

    def _object(self, name: str) -> dict[str, Any]:
        loaded = self._json(name)
        return dict(loaded) if isinstance(loaded, Mapping) else {}

    def _json(self, name: str) -> Any:
        if (path := self._there(name)) is None:
            return None
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ReportError(f"{path}: not valid JSON: {error}") from error

    def _lines(self, name: str) -> list[dict[str, Any]]:
        if (path := self._there(name)) is None:
            return []
        lines = path.read_text(encoding="utf-8").splitlines()
        # A run that was killed while it wrote leaves a last line that is cut short: what is whole counts.
        return [json.loads(line) for line in lines if line.startswith("{") and line.rstrip().endswith("}")]
