"""Draws docs/picture.png: `make picture`. An eight-cell chip in ngspice, and its calibrated model on a new program."""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from thermospice.behavioral import calibrate
from thermospice.circuits import Crossbar, Design, choose_scaling, random_program
from thermospice.measurements import digitise
from thermospice.netlists import simulate

matplotlib.use("Agg")

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F5539", "#6C6C6C")


def main() -> None:
    rng = np.random.default_rng(1)
    design = Design.preset("board-1k-1n")
    chip = design.sample(Crossbar(n=8), rng)
    programs = [
        random_program(chip.topology, rng, condition=(10.0, 3.0)[k % 2], symmetric=k % 2 == 0) for k in range(24)
    ]
    measured = [simulate(chip, p, "tran", scaling=choose_scaling(chip, p)) for p in programs]
    model = calibrate([digitise(data, design.converters, rng, times=400) for data in measured])

    program = random_program(chip.topology, rng, condition=5.0)
    scaling = choose_scaling(chip, program)
    new = simulate(chip, program, "tran", scaling=scaling)
    time, spice = new["time"].values, new["v"].values
    predicted = model.response(program, scaling).mean_at(time)

    figure = Figure(figsize=(8, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for cell, colour in enumerate(COLOURS):
        left.plot(time / 1e-6, spice[:, cell], color=colour, linewidth=4, alpha=0.4)
        left.plot(time / 1e-6, predicted[:, cell], color=colour, linewidth=1)
        right.plot(time / 1e-6, (predicted - spice)[:, cell] / 1e-3, color=colour, linewidth=1)
    left.plot([], [], color="#333333", linewidth=4, alpha=0.4, label="ngspice")
    left.plot([], [], color="#333333", linewidth=1, label="calibrated model")
    left.set(xlabel="time (µs)", ylabel="readout (V)", title="A program that the calibration did not see")
    right.set(xlabel="time (µs)", ylabel="model − ngspice (mV)", title="Difference, on its own scale")
    left.legend(frameon=False)
    for axes in (left, right):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.title.set(fontsize=10, horizontalalignment="left", x=0)
    path = Path(__file__).with_name("picture.png")
    figure.savefig(path, dpi=150)
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
