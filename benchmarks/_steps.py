"""Steps of a natural gradient by every solver, the published simulation, and two other libraries, of bench_training."""

from collections.abc import Callable

import torch
from _network import DAMPING, TIME, Setting, best, seconds_of, solvers
from _peers import curvlinops_solve, posteriors_product, posteriors_solve
from _table import Row
from thermospice.training import TNGD, Woodbury
from thermospice.training.curvature import curvature, layered, products
from thermospice.training.programs import Factors
from torch import Tensor
from torch.nn import functional

STEP = 0.1

GRAM = "Gram matrix of the stored J"


def euler_maruyama(product: Callable[[Tensor], Tensor], b: Tensor) -> Tensor:
    """The published simulation: step 0.1 up to t = 50, with noise."""
    g = b.clone()
    for _ in range(round(TIME / STEP)):
        g = g - STEP * (product(g) - b) + 1e-3 * STEP**0.5 * torch.randn_like(g)
    return g


def compare(at: Setting, repeats: int) -> dict[str, float]:
    made = curvature(at.module, functional.cross_entropy, at.x, at.y, DAMPING)
    factors = made.factors
    b = made.gradient
    print(f"r = {factors.r}, N = {factors.N}, float32, loss {float(made.loss):.3g}")
    rows = {"factors": best(lambda: curvature(at.module, functional.cross_entropy, at.x, at.y), repeats)}
    for name, solver in solvers().items():
        optimizer = TNGD(at.module, functional.cross_entropy, lr=0.0, damping=DAMPING, solver=solver)
        optimizer.step(at.x, at.y)
        rows[f"{name}, solve"] = best(lambda s=solver: s.compute(s.init(factors), b, b), repeats)
        rows[f"{name}, step"] = best(lambda o=optimizer: o.step(at.x, at.y), repeats)
        layers = TNGD(at.module, functional.cross_entropy, lr=0.0, damping=DAMPING, solver=solver, curvature="layers")
        layers.step(at.x, at.y)
        rows[by_layers(name)] = best(lambda o=layers: o.step(at.x, at.y), repeats)
    rows[GRAM] = best(lambda: factors.J @ factors.J.T, repeats)
    return rows | checked(at, repeats) | simulations(at, factors, b) | peers(at, factors, b)


def checked(at: Setting, repeats: int) -> dict[str, float]:
    """A Woodbury step by layers without a referee, and with a full check at each step; in turns, which are alike."""
    optimizers = {
        check: TNGD(
            at.module,
            functional.cross_entropy,
            lr=0.0,
            damping=DAMPING,
            solver=Woodbury(),
            curvature="layers",
            check=check,
        )
        for check in ("off", "gradient", "every")
    }
    for optimizer in optimizers.values():
        optimizer.step(at.x, at.y)
    turns = [
        {check: seconds_of(lambda o=one: o.step(at.x, at.y)) for check, one in optimizers.items()}
        for _ in range(3 * repeats)
    ]
    least = {check: min(turn[check] for turn in turns) for check in optimizers}
    # each 16th step is checked in full
    usual = (15.0 * least["gradient"] + least["every"]) / 16.0
    return {"referee": usual - least["off"], "checked": usual, "referee at each step": least["every"] - least["off"]}


def simulations(at: Setting, factors: Factors, b: Tensor) -> dict[str, float]:
    own = products(at.module, functional.cross_entropy, at.x, at.y, DAMPING)
    theirs = posteriors_product(at.module, at.x, at.y, DAMPING)
    parts = layered(at.module, functional.cross_entropy, at.x, at.y, DAMPING)
    ways = {
        "by products": own.matvec,
        "by posteriors' products": theirs,
        "on stored J": factors.matvec,
        "by layers": parts.matvec,
    }
    return {f"Euler-Maruyama {way}": best(lambda p=product: euler_maruyama(p, b), 1) for way, product in ways.items()}


def peers(at: Setting, factors: Factors, b: Tensor) -> dict[str, float]:
    """Conjugate gradients of other libraries, to the residual that Woodbury has."""

    def residual(x: Tensor) -> float:
        return float((factors.matvec(x) - b).norm() / b.norm())

    goal = residual(Woodbury().compute(Woodbury().init(factors), b).value)
    print(f"relative residual: Woodbury {goal:.1e}", end="")
    rows = {}
    for name, solve in (
        ("posteriors CG", posteriors_solve(at.module, at.x, at.y, DAMPING, b)),
        ("curvlinops CG", curvlinops_solve(at.module, at.x, at.y, DAMPING, b)),
    ):
        print(f", {name} {residual(solve(goal)):.1e}", end="")
        rows[name] = best(lambda s=solve: s(goal), 3)
    print()
    return rows


def by_layers(solver: str) -> str:
    return f"{solver}, step by layers"


def ratios(rows: dict[str, float], judged: bool) -> list[Row]:
    def row(what: str, above: str, below: str, most: float | None = None, least: float | None = None) -> Row:
        limits = {"most": most, "least": least} if judged else {}
        return Row(what, rows[above] / rows[below], "x", **limits)

    return [
        row("IdealSPU step / Woodbury step", "IdealSPU, step", "Woodbury, step", most=1.25),
        row("DeviceSPU step / Woodbury step", "DeviceSPU, step", "Woodbury, step", most=2.0),
        row("DeviceSPU step / IdealSPU step", "DeviceSPU, step", "IdealSPU, step"),
        row("IdealSPU by layers / Woodbury by layers", by_layers("IdealSPU"), by_layers("Woodbury")),
        row("DeviceSPU by layers / Woodbury by layers", by_layers("DeviceSPU"), by_layers("Woodbury")),
        # what bounds the line above: deviations leave no outer products, and r^2 N is more than r^2 (o + i)
        row("its Gram matrix alone / Woodbury by layers", GRAM, by_layers("Woodbury")),
        row("DeviceSPU by layers / DeviceSPU step", by_layers("DeviceSPU"), "DeviceSPU, step"),
        row("referee / Woodbury step by layers", "referee", "checked", most=0.15),
        row("referee at each step / the same", "referee at each step", "checked"),
        row("IdealSPU solve / Woodbury solve", "IdealSPU, solve", "Woodbury, solve"),
        row("DeviceSPU solve / Woodbury solve", "DeviceSPU, solve", "Woodbury, solve"),
        row(
            "EM by products / IdealSPU step by layers", "Euler-Maruyama by products", by_layers("IdealSPU"), least=30.0
        ),
        row(
            "EM by posteriors' products / the same",
            "Euler-Maruyama by posteriors' products",
            by_layers("IdealSPU"),
            least=30.0,
        ),
        row("EM by layers / the same", "Euler-Maruyama by layers", by_layers("IdealSPU")),
        row("EM by products / IdealSPU step", "Euler-Maruyama by products", "IdealSPU, step"),
        row("EM on stored J / IdealSPU solve", "Euler-Maruyama on stored J", "IdealSPU, solve"),
        row("posteriors CG / Woodbury step by layers", "posteriors CG", by_layers("Woodbury"), least=2.0),
        row("curvlinops CG / Woodbury step by layers", "curvlinops CG", by_layers("Woodbury"), least=2.0),
        row("posteriors CG / Woodbury step", "posteriors CG", "Woodbury, step"),
        row("curvlinops CG / Woodbury step", "curvlinops CG", "Woodbury, step"),
        row("own CG step to 1e-3 / Woodbury step", "ConjugateGradient, step", "Woodbury, step"),
    ]


def untrained(at: Setting, step: float) -> list[Row]:
    """The peers before any training, over the seconds of a Woodbury step by layers after it."""
    made = curvature(at.module, functional.cross_entropy, at.x, at.y, DAMPING)
    found = peers(at, made.factors, made.gradient)
    return [Row(f"{name} / Woodbury step by layers", value / step, "x") for name, value in found.items()]
