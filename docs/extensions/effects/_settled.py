"""Effects on what a device settles at."""

from collections.abc import Callable

import numpy as np
from thermospice.circuits import Instance
from thermospice.netlists import Job

from ._chips import PROGRAM, answer, board, chip, response, runs, settled
from ._panels import Panel, panel

A = PROGRAM.A
x = PROGRAM.solution


def _swept(
    label: str,
    made: Callable[[float], Instance],
    places: np.ndarray,
    at: np.ndarray,
    by_hand: Callable[[float], float],
    there: bool,
    unit_of_x: float = 1.0,
    log_x: bool = False,
) -> Panel:
    """The settled first cell against one number of the chip."""
    return panel(
        label,
        "cell 0 at rest (V)",
        places * unit_of_x,
        lambda place: answer(made(place / unit_of_x)),
        (lambda: settled([made(place) for place in at])) if there else None,
        at * unit_of_x,
        lambda place: by_hand(place / unit_of_x),
        unit="V",
        log_x=log_x,
    )


def mismatch(there: bool) -> tuple[Panel, ...]:
    def made(deviation: float) -> Instance:
        errors = np.zeros((2, 2))
        errors[0, 0] = deviation
        return chip().replace_errors(conductance=errors)

    def first_order(deviation: float) -> float:
        E = np.zeros((2, 2))
        E[0, 0] = deviation
        return float((x - np.linalg.solve(A, (E * A) @ x))[0])

    return (
        _swept(
            "deviation of resistor 0,0 (%)",
            made,
            np.linspace(-0.2, 0.2, 41),
            np.linspace(-0.2, 0.2, 9),
            first_order,
            there,
            100,
        ),
    )


def offset_and_bias(there: bool) -> tuple[Panel, ...]:
    def with_offset(offset: float) -> Instance:
        return chip().replace_errors(offset=np.array([offset, 0.0]))

    def with_current(current: float) -> Instance:
        return chip({"amplifier": {"bias_current": current}})

    def shifted(offset: float) -> float:
        rows = 1 + np.abs(A).sum(axis=1)
        return float(np.linalg.solve(A, PROGRAM.b + np.array([offset, 0.0]) * rows)[0])

    def fed(current: float) -> float:
        # The inverter of column 0, which has a negative entry, takes a current too: its output moves by R0 I.
        R0 = board().R0
        return float(np.linalg.solve(A, PROGRAM.b + R0 * current * np.array([1.0, 1.0 + A[1, 0]]))[0])

    few, many = np.linspace(-1, 1, 7), np.linspace(-1, 1, 21)
    first = _swept("input offset of cell 0 (mV)", with_offset, 10e-3 * many, 10e-3 * few, shifted, there, 1e3)
    second = _swept("bias current (µA)", with_current, 20e-6 * many, 20e-6 * few, fed, there, 1e6)
    return (first, second)


def programming_grid(there: bool) -> tuple[Panel, ...]:
    def made(bits: float) -> Instance:
        return chip({"programming": {"bits": int(bits)}})

    def rounded(bits: float) -> float:
        # One full scale for the array, its largest entry, in 2^b - 1 steps.
        step = np.abs(A).max() / (2 ** int(bits) - 1)
        return float(np.linalg.solve(np.round(A / step) * step, PROGRAM.b)[0])

    bits = np.arange(2.0, 13.0)
    return (_swept("bits of a programmed conductance", made, bits, bits, rounded, there),)


def converters(there: bool) -> tuple[Panel, ...]:
    """Rms error of readouts by bits of the ADC, over a transient."""
    clean = chip()
    law = response(clean)
    times = np.linspace(0, 3e-6, 2000)

    def read(bits: float, v: np.ndarray) -> float:
        made = chip({"converters": {"adc_bits": int(bits)}})
        from thermospice.behavioral import DeviceModel

        found = DeviceModel.nominal(made).read_out(v, np.random.default_rng(0))
        return float(np.sqrt(np.mean((found - v) ** 2)))

    def measured() -> np.ndarray:
        (data,) = runs([Job(clean, PROGRAM, "tran", scaling=law.scaling, duration=float(times[-1]))])
        v = np.array([np.interp(times, data["time"].values, data["v"].values[:, cell]) for cell in range(2)]).T
        return np.array([read(b, v) for b in bits])

    bits = np.arange(7.0, 15.0)
    full = board().converters.full_scale
    return (
        panel(
            "bits of the ADC",
            "rms error of a readout (V)",
            bits,
            lambda b: read(b, law.mean_at(times)),
            measured if there else None,
            bits,
            lambda b: 2 * full / 2**b / np.sqrt(12),
            log_y=True,
        ),
    )


def temperature(there: bool) -> tuple[Panel, ...]:
    """A cell of silicided poly resistors, after one nominal time constant."""
    tc1 = 3.1e-3
    zero = 273.15
    tau = board().tau

    def made(celsius: float) -> Instance:
        return chip({"tempco": {"resistor_tc1": tc1}}, temperature=float(celsius + zero))

    def by_model(celsius: float) -> float:
        return float(response(made(celsius)).mean_at(np.array([tau]))[0, 0])

    def measured() -> np.ndarray:
        jobs = [
            Job(
                made(t),
                PROGRAM,
                "tran",
                scaling=response(made(t)).scaling,
                duration=4 * tau,
                max_step=tau / 200,
            )
            for t in at
        ]
        return np.array([np.interp(tau, d["time"].values, d["v"].values[:, 0]) for d in runs(jobs)])

    def by_hand(celsius: float) -> float:
        from scipy.linalg import expm

        slower = 1 + tc1 * (celsius + zero - 300.15)
        scaling = response(made(celsius)).scaling
        return float(scaling.drive * (x - expm(-A * scaling.conductance / slower) @ x)[0])

    at = np.linspace(-40, 125, 8)
    return (
        panel(
            "temperature (°C)",
            "cell 0 after one nominal τ (V)",
            np.linspace(-40, 125, 34),
            by_model,
            measured if there else None,
            at,
            by_hand,
            unit="V",
        ),
    )


def drift_and_ageing(there: bool) -> tuple[Panel, ...]:
    exponent = 0.02

    def made(time: float) -> Instance:
        return chip({"drift": {"ageing_exponent": exponent, "ageing_time": 1.0}}).at(time)

    def by_hand(time: float) -> float:
        # All programmed conductances fall together, and the drive's resistors stay: the answer grows.
        return float(x[0] * time**exponent)

    decades = np.geomspace(1, 1e7, 8)
    return (_swept("age (s)", made, np.geomspace(1, 1e7, 29), decades, by_hand, there, log_x=True),)
