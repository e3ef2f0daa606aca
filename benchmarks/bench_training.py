"""Speed and memory of a natural-gradient step, all solvers and two other libraries in one run.

CPU seconds of one thread (so that a busy machine changes the ratios little), the best of several runs, float32. A
network of about 10,000 parameters on scikit-learn's digits, a batch of 64 and 10 classes: r = 640, after 100 steps of
Adam: at the initial weights all classes are alike, and conjugate gradients have little to do (shown beside it). With
`--processor cuda` the seconds are those of the clock. `--quick` takes a smaller network. The limits are those of the
whole run on the CPU.

The Euler-Maruyama simulation (step 0.1 up to t = 50) needs one product with the curvature for each of its 500 steps.
It is timed in four ways: products through the network with this project's and with posteriors' functions, as where J
is never stored, products with the stored J, and products layer by layer.

A step `by layers` keeps J as outer products (`curvature="layers"`), which is how the digital solvers are fastest and
what other libraries are compared with. A device has to be loaded with J itself: its step is compared with a Woodbury
step on the stored J, and that of the ideal device likewise, each solver with the same arrays. By layers a device cannot
come near a layered Woodbury step: deviations leave no outer products, and the Gram matrix of its arrays alone, shown
beside it, takes r^2 N operations.

The floor of the large step is what has to move at the bandwidth of a copy (J, the deviations of both arrays, the loaded
arrays written and read again for their Gram matrix and once for each of three answers) and that Gram matrix.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"

import argparse
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch
from _large_steps import against_floor, draw, grown, large_step, measure_memory
from _network import EPOCH_STEPS, Setting
from _steps import by_layers, compare, ratios, untrained
from _table import Row, finish

# What the project promises besides ratios: a step with its J holds no more than so many times its J.
PEAK = 2.5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small network, few repeats, no limits")
    parser.add_argument("--out", type=Path, help="also write the numbers there, as JSON")
    parser.add_argument("--figure", type=Path, help="draw the growth with N there (PNG, SVG or PDF)")
    parser.add_argument("--processor", default="cpu", help="cpu or cuda")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    batch, wide, repeats = (16, 8, 2) if chosen.quick else (64, 71, 7)
    on_cpu = chosen.processor == "cpu"
    judged = on_cpu and not chosen.quick
    if not on_cpu:
        torch.zeros(1, device=chosen.processor)
    seconds = compare(Setting.of(batch, wide, EPOCH_STEPS, chosen.processor), repeats)
    rows = [Row(name, 1e3 * value, "ms") for name, value in seconds.items()] + ratios(seconds, judged)
    print(*rows, sep="\n")
    print("at the initial weights:", end=" ")
    start = untrained(Setting.of(batch, wide, 0, chosen.processor), seconds[by_layers("Woodbury")])
    print(*start, sep="\n")
    lines: list[dict[str, float]] = []
    if on_cpu:
        sizes = [1000, 10_000] if chosen.quick else [10_000, 100_000, 1_000_000]
        # a fresh process: memory that was freed here before would hide what is taken again
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            shares, lines = pool.submit(measure_memory, batch, wide, sizes).result()
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            large = against_floor(pool.submit(large_step, sizes[-1], 64).result(), judged)
        most = PEAK if judged else None
        held = [Row(f"peak memory of a step, {name}", share, "J", most) for name, share in shares.items()]
        print(*held, *map(grown, lines), sep="\n")
        print(*large, sep="\n")
        rows += [*held, *large]
    if chosen.figure and lines:
        draw(lines, chosen.figure)
    facts = {"at the initial weights": {row.what: row.value for row in start}, "growth": lines}
    return finish(rows, facts, chosen.out)


if __name__ == "__main__":
    raise SystemExit(main())
