"""The Gauss-Newton matrix kept layer by layer is the one with a stored Jacobian, in fewer numbers."""

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import torch
from thermospice.training import (
    TNGD,
    Cholesky,
    ConjugateGradient,
    DeviceSPU,
    ExperimentError,
    IdealSPU,
    Woodbury,
    experiment,
)
from thermospice.training.curvature import curvature, layered
from thermospice.training.optimizers import LevenbergMarquardt
from torch import nn
from torch.nn import functional

from ..doubles import Population

B, DAMPING = 5, 0.1
pytestmark = pytest.mark.usefixtures("double_precision")


class Residual(nn.Module):
    """A low-rank adapter beside a frozen layer, both on a sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.frozen, self.down, self.up = nn.Linear(4, 3), nn.Linear(4, 2, bias=False), nn.Linear(2, 3, bias=False)
        self.frozen.requires_grad_(False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return (self.frozen(tokens) + self.up(self.down(tokens))).tanh().mean(1)


def dense() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 4, bias=False), nn.Tanh(), nn.Linear(4, 3))


def convolution() -> nn.Module:
    conv = nn.Conv2d(2, 3, 3, stride=2, padding=1, bias=False)
    return nn.Sequential(conv, nn.ReLU(), nn.Conv2d(3, 2, 2), nn.Flatten(), nn.LayerNorm(8, elementwise_affine=False),
                         nn.Linear(8, 3))  # fmt: skip


def padded(**padding: Any) -> Callable[[], nn.Module]:
    """A convolution whose kernel is wider than high, by an even number."""
    return lambda: nn.Sequential(
        nn.Conv2d(2, 2, (2, 3), dilation=(2, 1), **padding), nn.Tanh(), nn.Flatten(), nn.LazyLinear(3)
    )


def conv_by_groups(bias: bool) -> nn.Module:
    first = nn.Conv2d(4, 6, (2, 3), groups=2, bias=bias)
    return nn.Sequential(first, nn.Tanh(), nn.Conv2d(6, 6, 2, groups=6), nn.Flatten(), nn.LazyLinear(3))


def line(**settings: Any) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(nn.Conv1d(2, 4, 3, **settings), nn.Tanh(), nn.Flatten(), nn.LazyLinear(3))


def normed(norm: nn.Module) -> nn.Module:
    for p in norm.parameters():
        nn.init.uniform_(p, 0.5, 1.5)
    return nn.Sequential(nn.Linear(6, 6), norm, nn.Tanh(), nn.Linear(6, 3))


def over_sequence(norm: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(4, 4), norm, nn.Tanh(), nn.Flatten(), nn.Linear(12, 3))


class Words(nn.Module):
    """Words of a small dictionary, some of them twice in a sample."""

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self.words, self.head = nn.Embedding(4, 3, **settings), nn.Linear(3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.words(x.abs().mul(2).long().clamp(0, 3)).tanh().mean(1))


class Heads(nn.Module):
    """Attention whose projections are layers of their own, a normalisation behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(4, 4) for _ in range(4))
        self.norm, self.head = nn.LayerNorm(4), nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (layer(x).unflatten(-1, (2, 2)).transpose(1, 2) for layer in (self.q, self.k, self.v))
        mixed = (q @ k.mT).softmax(-1) @ v
        return self.head(self.norm(x + self.out(mixed.transpose(1, 2).flatten(2))).mean(1))


CASES = {
    "convolution, same": (padded(padding="same"), (2, 5, 4)),
    "convolution, valid": (padded(padding="valid"), (2, 5, 4)),
    "convolution, circular": (padded(padding=(1, 2), padding_mode="circular"), (2, 5, 4)),
    "convolution, reflected, same": (padded(padding="same", padding_mode="reflect"), (2, 5, 4)),
    "convolution, replicated": (padded(padding=1, padding_mode="replicate"), (2, 5, 4)),
    "convolution by groups": (lambda: conv_by_groups(True), (4, 5, 4)),
    "convolution by groups, no bias": (lambda: conv_by_groups(False), (4, 5, 4)),
    "convolution of a line": (line(padding=2, stride=2), (2, 9)),
    "convolution of a line, by groups, circular": (line(padding=1, groups=2, padding_mode="circular"), (2, 9)),
    "layer normalisation": (lambda: normed(nn.LayerNorm(6)), (6,)),
    "layer normalisation of a sequence, no bias": (lambda: over_sequence(nn.LayerNorm(4, bias=False)), (3, 4)),
    "layer normalisation over two axes": (lambda: over_sequence(nn.LayerNorm((3, 4))), (3, 4)),
    "group normalisation": (
        lambda: nn.Sequential(nn.GroupNorm(2, 4), nn.Tanh(), nn.Flatten(), nn.Linear(24, 3)),
        (4, 3, 2),
    ),
    "group normalisation without sites": (lambda: normed(nn.GroupNorm(3, 6)), (6,)),
    "embedding": (lambda: Words(), (5,)),
    "embedding with padding, sparse": (lambda: Words(padding_idx=2, sparse=True), (5,)),
    "attention by linear layers": (lambda: Heads(), (5, 4)),
    "dense": (dense, (6,)),
    "convolution": (convolution, (2, 6, 6)),
    "sequence": (Residual, (7, 4)),
}


@pytest.fixture(params=CASES)
def case(request):
    make, shape = CASES[request.param]
    module = make()
    module(torch.randn(1, *shape))  # a lazy layer takes its size
    return module, torch.randn(B, *shape), torch.tensor([0, 2, 1, 1, 0])


@pytest.mark.parametrize("loss_fn", [functional.cross_entropy, nn.CrossEntropyLoss(reduction="sum")])
def test_it_is_the_program_with_a_stored_jacobian(case, loss_fn):
    module, x, y = case
    made, expected = layered(module, loss_fn, x, y, DAMPING), curvature(module, loss_fn, x, y, DAMPING)
    assert (made.r, made.N, made.damping) == (expected.factors.r, expected.factors.N, DAMPING)
    close = {"rtol": 0, "atol": 1e-12}
    torch.testing.assert_close(made.factors().J, expected.factors.J, **close)
    torch.testing.assert_close(made.factors().H, expected.factors.H, **close)
    torch.testing.assert_close(made.loss, expected.loss, **close)
    torch.testing.assert_close(made.gradient, expected.gradient, **close)
    v = torch.randn(made.N)
    torch.testing.assert_close(made.matvec(v), expected.factors.matvec(v), **close)
    torch.testing.assert_close(made.diagonal(), expected.factors.diagonal(), **close)


class Branch(nn.Module):
    """Layers whose outputs are changed in place, one that nothing comes back to, and one that is called by keyword."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c, self.idle = nn.Linear(4, 5), nn.Linear(4, 5), nn.Linear(5, 3), nn.Linear(4, 2)
        self.a.register_forward_hook(lambda layer, args, out: 1.5 * out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.idle(x)
        h = self.a(x)
        h += self.b(input=x)
        h.mul_(2.0)
        return self.c(functional.relu(h, inplace=True))


def test_outputs_that_are_changed_in_place():
    module, x, y = Branch(), torch.randn(B, 4), torch.tensor([0, 2, 1, 1, 0])
    made, expected = layered(module, functional.cross_entropy, x, y), curvature(module, functional.cross_entropy, x, y)
    torch.testing.assert_close(made.factors().J, expected.factors.J, rtol=0, atol=1e-12)
    torch.testing.assert_close(made.gradient, expected.gradient, rtol=0, atol=1e-12)


def test_a_delay_goes_on_with_the_last_program():
    # Catches a delay on the new program, and one that is forgotten.
    ends = []
    for kind, delay in (("ggn", 0.7), ("layers", 0.7), ("layers", 0.0)):
        torch.manual_seed(0)
        module, x, y = dense(), torch.randn(B, 6), torch.tensor([0, 2, 1, 1, 0])
        optimizer = TNGD(module, functional.cross_entropy, solver=IdealSPU(t=1.0), curvature=kind, delay=delay)
        for _ in range(3):
            optimizer.step(x, y)
        ends.append(nn.utils.parameters_to_vector(module.parameters()).detach())
    torch.testing.assert_close(ends[1], ends[0], rtol=0, atol=1e-12)
    assert float((ends[2] - ends[0]).abs().max()) > 1e-4


@pytest.mark.parametrize("kind", ["layers", "ggn"])
def test_samples_of_no_doubt_are_no_fault(kind):
    """Single precision, where the Hessian's smallest entries are smaller than any normal number."""
    module = nn.Linear(8, 8).float()
    with torch.no_grad():
        module.weight.copy_(60.0 * torch.eye(8))
    optimizer = TNGD(module, functional.cross_entropy, lr=0.1, damping=0.1, solver=Woodbury(), curvature=kind)
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        y = torch.randint(8, (32,), generator=generator)
        x = torch.eye(8, dtype=torch.float32)[y] + 0.3 * torch.rand(32, 8, generator=generator, dtype=torch.float32)
        assert optimizer.step(x, y).isfinite()


def test_inputs_are_given_as_to_the_module():
    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 2)

        def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            return self.layer(a + b)

    module, a, b, y = Sum(), torch.randn(B, 3), torch.randn(B, 3), torch.randn(B, 2)
    expected = curvature(module, functional.mse_loss, (a, b), y)
    for inputs in ((a, b), {"b": b, "a": a}):
        made = layered(module, functional.mse_loss, inputs, y)
        torch.testing.assert_close(made.factors().J, expected.factors.J, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "solver",
    [
        Cholesky(),
        Cholesky(dense_limit=0),
        Woodbury(),
        ConjugateGradient(tol=1e-13),
        ConjugateGradient(tol=1e-13, preconditioner="none"),
        IdealSPU(t=3.0),
        IdealSPU(t=3.0, kappa0=0.01),
        DeviceSPU(Population(), t=3.0),
    ],
    ids=lambda s: type(s).__name__,
)
def test_every_solver_takes_it(case, solver):
    """Exactly as the stored program; noise, a function of F times a vector drawn by seed, included."""
    module, x, y = case
    made = layered(module, functional.cross_entropy, x, y, DAMPING)
    b, x0 = torch.randn(made.N), torch.randn(made.N)
    answers = []
    for program in (made, curvature(module, functional.cross_entropy, x, y, DAMPING).factors):
        if hasattr(solver, "generator"):
            solver.generator.manual_seed(0)
        answers.append(solver.compute(solver.init(program), b, x0).value)
    torch.testing.assert_close(answers[0], answers[1], rtol=1e-9, atol=1e-9)


def test_the_optimizer_takes_the_same_steps(case):
    module, x, y = case
    initial = {name: value.clone() for name, value in module.state_dict().items()}
    ends = []
    for kind in ("layers", "ggn"):
        module.load_state_dict(initial)
        optimizer = TNGD(
            module,
            functional.cross_entropy,
            lr=0.5,
            damping=0.05,
            solver=IdealSPU(t=3.0),
            curvature=kind,
            levenberg_marquardt=LevenbergMarquardt(),
        )
        losses = [optimizer.step(x, y) for _ in range(5)]
        ends.append((nn.utils.parameters_to_vector(module.parameters()).detach(), torch.stack(losses)))
    torch.testing.assert_close(ends[0], ends[1], rtol=0, atol=1e-9)


def test_a_linear_layer_costs_what_goes_in_and_what_comes_back():
    module = nn.Sequential(nn.Linear(1000, 900), nn.Tanh(), nn.Linear(900, 3))
    made = layered(module, functional.mse_loss, torch.randn(2, 1000), torch.randn(2, 3))
    kept = [tensor.numel() for layer in made.J.layers for tensor in (layer.G, layer.x)]
    assert kept == [2 * 3 * 900, 2 * 1001, 2 * 3 * 3, 2 * 901]


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(self.layer(x))


class Rescaled(nn.Linear):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2.0 * super().forward(x)


class Borrowed(nn.Module):
    """A layer's weight used apart from the layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.linear(self.layer(x), self.layer.weight)


class TimeFirst(nn.Module):
    """Not a row for each sample, though it looks like it where a sequence is as long as the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x.transpose(0, 1)).tanh().mean(0)


def mixing() -> nn.Module:
    """Samples that see each other."""

    class Mean(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x - x.mean(0)

    return nn.Sequential(nn.Linear(3, 3), Mean())


def bias_first() -> nn.Module:
    layer = nn.Linear(3, 3)
    weight = layer.weight
    del layer.weight
    layer.weight = weight
    return layer


def half_frozen() -> nn.Module:
    module = nn.Linear(3, 3)
    module.bias.requires_grad_(False)
    return module


class TestRefused:
    MODULES: ClassVar = {
        "ConvTranspose2d": (nn.Sequential(nn.ConvTranspose2d(2, 3, 2), nn.Flatten()), (2, 3, 3)),
        "MultiheadAttention": (nn.MultiheadAttention(3, 1), (3,)),
        "GRU": (nn.GRU(3, 3), (3,)),
        "max_norm": (nn.Embedding(3, 3, max_norm=1.0), ()),
        "used once": (Twice(), (3,)),
        "in this order": (bias_first(), (3,)),
        "Rescaled": (Rescaled(3, 3), (3,)),
        "used apart from the layer": (Borrowed(), (3,)),
        "a row for each": (TimeFirst(), (2, 3)),
        "do not give its gradient": (TimeFirst(), (B, 3)),
        "samples are mixed": (mixing(), (3,)),
        "trained in part": (half_frozen(), (3,)),
        "at least one sample": (nn.Linear(3, 3), None),
    }

    @pytest.mark.parametrize("words", MODULES)
    def test_a_module_is_refused(self, words):
        module, shape = self.MODULES[words]
        module.double()
        x = torch.randn(0, 3) if shape is None else torch.randn(B, *shape)
        with pytest.raises(ValueError, match=words):
            layered(module, nn.MSELoss(), x, torch.zeros(len(x), 3))

    @pytest.mark.parametrize(
        ("option", "words"),
        [
            ({"autocast": torch.bfloat16}, "autocast needs factors"),
        ],
    )
    def test_an_option_is_refused(self, option, words):
        with pytest.raises(ValueError, match=rf'{words}: .* got "layers"'):
            TNGD(dense(), functional.cross_entropy, curvature="layers", **option)

    def test_products_forget_their_program(self):
        # They are those of a module that has moved on when a delay asks for the last one.
        with pytest.raises(ValueError, match=r'delay needs factors: .* got "products"'):
            TNGD(dense(), functional.cross_entropy, curvature="products", delay=0.5)

    def test_micro_batches_are_refused(self):
        optimizer, x, y = TNGD(dense(), functional.cross_entropy, curvature="layers"), torch.randn(B, 6), torch.zeros(B)
        optimizer.accumulate(x, y.long())
        with pytest.raises(ValueError, match='micro-batches need curvature "ggn"'):
            optimizer.step(x, y.long())

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"solver": "woodbury", "accumulate": 2}, "goes with neither"),
            ({"solver": "woodbury", "autocast": "bfloat16"}, "goes with neither"),
        ],
    )
    def test_an_experiment_is_refused(self, fields, words):
        with pytest.raises(ExperimentError, match=f"curvature: layers .*{words}"):
            experiment({"curvature": "layers", **fields})
