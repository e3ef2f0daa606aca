"""Settings that make a step of TNGD, and numbers that are none."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .._exceptions import Diverged


def check_settings(
    lr: float,
    damping: float,
    delay: float,
    start: str,
    momentum: float,
    betas: Sequence[float] | None,
    weight_decay: float,
) -> None:
    named = {"lr": lr, "damping": damping, "delay": delay, "momentum": momentum, "weight_decay": weight_decay}
    for name, value in named.items():
        if not 0.0 <= value < float("inf"):
            raise ValueError(f"TNGD: expected {name} finite and >= 0, got {value}")
    if start not in ("warm", "gradient", "zero"):
        raise ValueError(f'TNGD: expected start "warm", "gradient" or "zero", got {start!r}')
    if delay > 0.0 and start != "warm":
        raise ValueError(f'TNGD: a delay needs start="warm"; start={start!r} resets the device after it')
    if betas is not None and (not isinstance(betas, Sequence) or len(betas) != 2):
        raise ValueError(f"TNGD: expected betas as two numbers, got {betas!r}")
    if betas is not None and (momentum or not all(0.0 <= beta < 1.0 for beta in betas)):
        raise ValueError(f"TNGD: expected betas in [0, 1) and no momentum, got betas={betas}, momentum={momentum}")


def check_deflated(deflated: int, delay: float) -> None:
    if not isinstance(deflated, int) or deflated < 0:
        raise ValueError(f"TNGD: expected deflated >= 0, a whole number of modes, got {deflated!r}")
    if deflated and delay > 0.0:
        raise ValueError("TNGD: a deflated start needs delay=0: the delay is there to hide the digital work before it")


def check_curvature(curvature: str, autocast: torch.dtype | None, data_parallel: bool, delay: float) -> None:
    if curvature not in ("ggn", "fisher", "layers", "products"):
        raise ValueError(f'TNGD: expected curvature "ggn", "fisher", "layers" or "products", got {curvature!r}')
    wanted = {"autocast": autocast is not None}
    if curvature == "products":
        wanted["data_parallel"] = data_parallel
        wanted["delay"] = delay > 0.0  # products of a module that has moved on are not those of the last program
    option = next((name for name, given in wanted.items() if given), None)
    if curvature in ("layers", "products") and option is not None:
        raise ValueError(f'TNGD: {option} needs factors: curvature "ggn" or "fisher", got "{curvature}"')


def check_averaged(rows: str, average: int, decay: float, curvature: str, data_parallel: bool) -> None:
    if rows not in ("all", "sampled"):
        raise ValueError(f'TNGD: expected curvature_rows "all" or "sampled", got {rows!r}')
    if not isinstance(average, int) or isinstance(average, bool) or average < 1:
        raise ValueError(f"TNGD: expected curvature_average >= 1, a whole number of steps, got {average!r}")
    if not 0.0 < decay <= 1.0:
        raise ValueError(f"TNGD: expected 0 < curvature_decay <= 1, got {decay}")
    if decay < 1.0 and average == 1:
        raise ValueError("TNGD: curvature_decay is of several steps; give curvature_average too")
    if rows == "sampled" and curvature == "fisher":
        raise ValueError('TNGD: curvature "fisher" has one row for each sample as it is; leave curvature_rows out')
    plain = rows == "all" and average == 1
    if not plain and (curvature == "products" or data_parallel):
        what = 'curvature "products"' if curvature == "products" else "data_parallel"
        raise ValueError(f"TNGD: {what} goes with neither curvature_rows nor curvature_average")


def check_finite(name: str, value: Tensor, remedy: str) -> None:
    if not bool(torch.isfinite(value).all()):
        raise Diverged(f"{name} is not finite: {remedy}; the parameters are those before this step")
