"""Quadratic programs and support vector machines: posed, run, and told."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float

from ...behavioral.linear_algebra import LinearDevice
from ...behavioral.programs.quadratic import (
    Foreseen,
    QuadraticAnswer,
    QuadraticProgram,
    Settings,
    SupportVectors,
    dual_program,
    foresee,
    minimise,
    signs,
    support_vectors,
)
from ...files.tables import read_matrix
from ...reports.programs import interior_point
from .._exceptions import InputError
from ._default_data import digits, drawn_quadratic
from ._inputs import Given, bound_of, data_and_targets, matching, number_of, rows_of, together, values_of
from ._outcome import Outcome, by_lapack, cost

_SIZE = 8
_POINTS = 24
_TOLERANCE = 1e-6
_ROUNDS = 8
_WINDOW = 10.0
_TEST_POINTS = 200


def settings_of(given: Given) -> Settings:
    """How far to go."""
    window = number_of(given, "duration", _WINDOW)
    rounds = _ROUNDS if given["rounds"] is None else given["rounds"]
    return Settings(
        number_of(given, "tolerance", _TOLERANCE), rounds, window=window, kappa=number_of(given, "kappa", 0.0)
    )


@dataclass(frozen=True, eq=False)
class Quadratic:
    """`--problem qp`."""

    problem: QuadraticProgram
    settings: Settings

    @classmethod
    def posed(cls, given: Given, rng: np.random.Generator) -> "Quadratic":
        """The program from files, or a drawn one.

        Raises:
            InputError: files that do not belong together.
            ProblemError: matrices that are no convex program.
        """
        settings = settings_of(given)
        if not together(given, "qp", "matrix", "drive"):
            extra = ("constraints", "right", "inequalities", "limits", "lower", "upper")
            if alone := [f"--{name}" for name in extra if given[name] is not None]:
                raise InputError(f"{', '.join(alone)}: expected --matrix Q.csv and --drive c.csv beside it")
            return cls(drawn_quadratic(_SIZE if given["size"] is None else given["size"], rng), settings)
        together({**given, "size": None}, "qp", "constraints", "right")
        together({**given, "size": None}, "qp", "inequalities", "limits")
        Q = read_matrix(given["matrix"])
        if given["symmetrise"] and Q.shape[0] == Q.shape[1]:
            Q = (Q + Q.T) / 2
        c = values_of(given, "drive")
        assert c is not None
        matching(given, "drive", c, len(Q), "matrix")
        problem = QuadraticProgram(
            Q,
            c,
            rows_of(given, "constraints"),
            values_of(given, "right"),
            bound_of(given, "lower", -np.inf),
            bound_of(given, "upper", np.inf),
            rows_of(given, "inequalities"),
            values_of(given, "limits"),
        )
        return cls(problem, settings)

    @property
    def cells(self) -> int:
        """Variables, slacks of inequalities included."""
        return self.problem.n + len(self.problem.h)

    def run(self, device: LinearDevice, rng: np.random.Generator) -> Outcome:
        """Run it on a device."""
        answer = minimise(self.problem, device, rng, self.settings)
        foreseen = _foreseen(self.problem, device, rng, self.settings, answer)
        seconds = _digital(self.problem, answer.iterations)
        rows = [(str(k), f"{value:.6g}", f"{answer.x_error:.2g}", "") for k, value in enumerate(answer.x[:6])]
        return Outcome(
            {**_summary(answer, foreseen), **_value("value", answer.x), "n": self.problem.n},
            answer.bill,
            seconds,
            {"answer": answer.x, "multipliers": answer.y, "history": _history(answer)},
            [*rows, ("objective", f"{answer.objective:.8g}", f"{answer.gap:.2g}", f"{answer.dual_objective:.8g}")],
            _pictures(answer),
            _failure(answer),
        )


@dataclass(frozen=True, eq=False)
class Machine:
    """`--problem svm`."""

    X: Float[np.ndarray, "points features"]
    labels: Float[np.ndarray, " points"]
    C: float
    gamma: float | None
    settings: Settings
    test: tuple[Float[np.ndarray, "points features"], Float[np.ndarray, " points"]] | None

    @classmethod
    def posed(cls, given: Given, rng: np.random.Generator) -> "Machine":
        """The machine from files, or handwritten threes and eights.

        Raises:
            InputError: one file without the other.
        """
        C = number_of(given, "penalty", 1.0)
        gamma = given["gamma"]
        settings = settings_of(given)
        if measured := data_and_targets(given, "svm"):
            return cls(*measured, C, gamma, settings, None)
        count = _POINTS if given["size"] is None else given["size"]
        X, labels = digits(count)
        every, every_label = digits(min(count + _TEST_POINTS, 357))
        return cls(X, labels, C, gamma, settings, (every[count:], every_label[count:]))

    @property
    def cells(self) -> int:
        """Points."""
        return len(self.X)

    def run(self, device: LinearDevice, rng: np.random.Generator) -> Outcome:
        """Run it on a device."""
        machine = support_vectors(self.X, self.labels, device, rng, self.settings, self.C, self.gamma)
        answer = machine.answer
        program = dual_program(self.X, signs(self.labels), self.C, self.gamma)
        foreseen = _foreseen(program, device, rng, self.settings, answer)
        seconds = _digital(program, answer.iterations)
        return Outcome(
            {
                **_summary(answer, foreseen),
                **_value("value", machine.weights),
                "n": len(self.X),
                "intercept": machine.intercept,
                "support_vectors": machine.support,
                **self._accuracy(machine),
            },
            answer.bill,
            seconds,
            {"answer": machine.weights, "history": _history(answer)},
            [
                ("support vectors", str(machine.support), "", ""),
                ("intercept", f"{machine.intercept:.6g}", "", ""),
                ("objective", f"{answer.objective:.8g}", f"{answer.gap:.2g}", f"{answer.dual_objective:.8g}"),
            ],
            _pictures(answer),
            _failure(answer),
        )

    def _accuracy(self, machine: SupportVectors) -> dict[str, float]:
        right = signs(self.labels) > 0
        found = {"train_accuracy": float(np.mean((machine.decision(self.X) > 0) == right))}
        if self.test is not None and len(self.test[0]):
            X, labels = self.test
            found["test_accuracy"] = float(np.mean((machine.decision(X) > 0) == (labels == self.labels.max())))
        return found


def _digital(problem: QuadraticProgram, iterations: int) -> float:
    """Both systems of each iteration: H with a column for each row of A and two more, then the Schur complement."""
    H = problem.Q + np.diag(np.abs(problem.Q).sum(axis=1) + 1.0)
    rows = np.vstack([problem.A, np.ones((2, problem.n))])
    seconds = by_lapack(H, rows.T, iterations)
    if len(problem.b):
        seconds += by_lapack(np.eye(len(problem.b)), np.ones((len(problem.b), 2)), iterations)
    return seconds


def _foreseen(
    problem: QuadraticProgram,
    device: LinearDevice,
    rng: np.random.Generator,
    settings: Settings,
    answer: QuadraticAnswer,
) -> Foreseen | None:
    return foresee(problem, device, rng, settings) if answer.status in ("solved", "imprecise") else None


def _value(name: str, values: Float[np.ndarray, " n"]) -> dict[str, Any]:
    return {name: values.tolist()} if np.isfinite(values).all() else {}


def _summary(answer: QuadraticAnswer, foreseen: Foreseen | None) -> dict[str, Any]:
    numbers = {
        "objective": answer.objective,
        "dual_objective": answer.dual_objective,
        "gap": answer.gap,
        "relative_gap": answer.relative_gap,
        "primal_residual": answer.primal_residual,
        "dual_residual": answer.dual_residual,
        "x_error": answer.x_error,
    }
    found = {
        "status": answer.status,
        "reason": answer.reason,
        **{name: value for name, value in numbers.items() if np.isfinite(value)},
        "iterations": answer.iterations,
        **cost(answer.bill),
    }
    if foreseen is not None:
        gaps = {
            "foreseen_relative_gap": foreseen.relative_gap,
            "foreseen_low": foreseen.low,
            "foreseen_high": foreseen.high,
        }
        found |= {name: value for name, value in gaps.items() if np.isfinite(value)}
        found["foreseen_solved"] = foreseen.solved
    if answer.history:
        found |= {
            "largest_conductance_range": max(row.conductance_range for row in answer.history),
            "largest_condition": max(row.condition for row in answer.history),
            "largest_scaled_condition": max(row.scaled_condition for row in answer.history),
        }
    return found


def _history(answer: QuadraticAnswer) -> Float[np.ndarray, "iterations columns"]:
    columns = (
        "mu", "gap", "primal_residual", "dual_residual", "step", "condition", "scaled_condition",
        "conductance_range", "newton_residual", "drives", "analog_s",
    )  # fmt: skip
    return np.array([[getattr(row, name) for name in columns] for row in answer.history]).reshape(-1, len(columns))


def _pictures(answer: QuadraticAnswer) -> dict[str, Any]:
    if not answer.history:
        return {}
    rows = answer.history
    columns = {
        name: [getattr(row, name) for row in rows]
        for name in ("mu", "gap", "condition", "scaled_condition", "conductance_range", "analog_s")
    }
    return {"interior-point": partial(interior_point, columns)}


def _failure(answer: QuadraticAnswer) -> str | None:
    if answer.status == "solved":
        return None
    if answer.status == "imprecise":
        return f"not solved: {answer.reason}; relative gap {answer.relative_gap:.3g}"
    return f"{answer.status}: {answer.reason}"
