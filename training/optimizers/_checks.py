"""Settings that make a step of TNGD, and numbers that are none."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ...files.arguments import check_choice, check_flag, check_number, check_whole, is_number, shown
from .._exceptions import Diverged


def check_settings(
    lr: float,
    damping: float,
    delay: float,
    start: str,
    momentum: float,
    betas: Sequence[float] | None,
    weight_decay: float,
    eps: float,
) -> None:
    named = {"lr": lr, "damping": damping, "delay": delay, "momentum": momentum, "weight_decay": weight_decay}
    for name, value in {**named, "eps": eps}.items():
        check_number("TNGD", name, value)
    check_choice("TNGD", "start", start, ("warm", "gradient", "zero"))
    if delay > 0.0 and start != "warm":
        raise ValueError(f'TNGD: a delay needs start="warm"; start={start!r} resets the device after it')
    if betas is not None and (isinstance(betas, str) or not isinstance(betas, Sequence) or len(betas) != 2):
        raise ValueError(f"TNGD: expected betas as two numbers, got {shown(betas)}")
    for beta in betas or ():
        check_number("TNGD", "betas", beta, below=1.0)
    if betas is not None and momentum:
        raise ValueError(f"TNGD: expected betas in [0, 1) and no momentum, got betas={betas}, momentum={momentum}")


def check_deflated(deflated: int, delay: float) -> None:
    check_whole("TNGD", "deflated", deflated, 0, "modes")
    if deflated and delay > 0.0:
        raise ValueError("TNGD: a deflated start needs delay=0: the delay is there to hide the digital work before it")


def check_curvature(curvature: str, autocast: torch.dtype | None, data_parallel: bool, delay: float) -> None:
    check_choice("TNGD", "curvature", curvature, ("ggn", "fisher", "layers", "products"))
    if not any(autocast is one for one in (None, torch.bfloat16, torch.float16)):
        raise ValueError(f"TNGD: expected autocast torch.bfloat16, torch.float16 or None, got {shown(autocast)}")
    check_flag("TNGD", "data_parallel", data_parallel)
    wanted = {"autocast": autocast is not None}
    if curvature == "products":
        wanted["data_parallel"] = data_parallel
        wanted["delay"] = delay > 0.0  # products of a module that has moved on are not those of the last program
    option = next((name for name, given in wanted.items() if given), None)
    if curvature in ("layers", "products") and option is not None:
        raise ValueError(f'TNGD: {option} needs factors: curvature "ggn" or "fisher", got "{curvature}"')


def check_averaged(rows: str, average: int, decay: float, curvature: str, data_parallel: bool) -> None:
    check_choice("TNGD", "curvature_rows", rows, ("all", "sampled"))
    check_whole("TNGD", "curvature_average", average, 1, "steps")
    if not is_number(decay) or not 0.0 < decay <= 1.0:
        raise ValueError(f"TNGD: expected 0 < curvature_decay <= 1, got {shown(decay)}")
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
