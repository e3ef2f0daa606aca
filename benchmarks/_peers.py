"""The same Gauss-Newton systems solved with other libraries: posteriors, and curvlinops (its CG is GPyTorch's)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

Solve = Callable[[float], Tensor]
"""From a relative residual to the solution of `(G + damping) x = b`."""

MAX_ITERATIONS = 5000


def posteriors_product(module: nn.Module, x: Tensor, y: Tensor, damping: float) -> Callable[[Tensor], Tensor]:
    """`v -> (G + damping) v` on flat vectors, by posteriors' `ggnvp`."""
    tree_product, shapes = _tree_product(module, x, y), _shapes(module)

    def product(v: Tensor) -> Tensor:
        return _flat(tree_product(_tree(v, shapes))) + damping * v

    return product


def posteriors_solve(module: nn.Module, x: Tensor, y: Tensor, damping: float, b: Tensor) -> Solve:
    """posteriors' `cg` on its own products."""
    import posteriors

    product, shapes = _tree_product(module, x, y), _shapes(module)
    drive = _tree(b, shapes)

    def solve(tol: float) -> Tensor:
        return _flat(posteriors.cg(product, drive, damping=damping, tol=tol, maxiter=MAX_ITERATIONS)[0])

    return solve


def curvlinops_solve(module: nn.Module, x: Tensor, y: Tensor, damping: float, b: Tensor) -> Solve:
    """curvlinops' `CGInverseLinearOperator` of its `GGNLinearOperator`."""
    import curvlinops
    from curvlinops.examples import IdentityLinearOperator

    parameters = [p for p in module.parameters() if p.requires_grad]
    G = curvlinops.GGNLinearOperator(module, nn.CrossEntropyLoss(), parameters, [(x, y)], check_deterministic=False)
    damped = G + damping * IdentityLinearOperator([p.shape for p in parameters], b.device, b.dtype)

    def solve(tol: float) -> Tensor:
        inverse = curvlinops.CGInverseLinearOperator(damped, tolerance=tol, max_iter=MAX_ITERATIONS)
        return (inverse @ b).detach()

    return solve


def _tree_product(module: nn.Module, x: Tensor, y: Tensor) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    import posteriors

    parameters = {name: p.detach() for name, p in module.named_parameters()}

    def product(tangent: dict[str, Tensor]) -> dict[str, Tensor]:
        _, out = posteriors.ggnvp(
            lambda p: functional_call(module, p, (x,)),
            lambda z: functional.cross_entropy(z, y),
            (parameters,),
            (tangent,),
        )
        return out[0] if isinstance(out, tuple) else out

    return product


def _shapes(module: nn.Module) -> dict[str, torch.Size]:
    return {name: p.shape for name, p in module.named_parameters()}


def _tree(v: Tensor, shapes: dict[str, torch.Size]) -> dict[str, Tensor]:
    pieces = v.split([shape.numel() for shape in shapes.values()])
    return {name: piece.view(shape) for (name, shape), piece in zip(shapes.items(), pieces, strict=True)}


def _flat(tree: dict[str, Tensor]) -> Tensor:
    return torch.cat([leaf.reshape(-1) for leaf in tree.values()])
