"""Kronecker factors and the step made of them, against dense matrices."""

import io
import math

import pytest
import torch
from thermospice.training import KFAC, Cholesky, DeviceEffects, DeviceSPU, Diverged, IdealSPU
from thermospice.training.curvature import curvature, trainable_layers
from thermospice.training.optimizers import kronecker
from torch import nn
from torch.nn import functional

from ..doubles import Population

K = 3
pytestmark = pytest.mark.usefixtures("double_precision")


def network() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1, stride=2), nn.Tanh(), nn.Flatten(), nn.Linear(8, 5, bias=False), nn.Tanh(),
        nn.Linear(5, K),
    )  # fmt: skip


def batch(B: int, seed: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(B, 1, 4, 4, generator=generator), torch.randint(K, (B,), generator=generator)


def flat(module: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().reshape(-1) for p in module.parameters()])


def test_one_sample_in_a_linear_layer_has_its_exact_gauss_newton_block():
    module, (x, y) = network(), batch(1)
    blocks = kronecker(module, trainable_layers(module), functional.cross_entropy, x, y).blocks
    F = curvature(module, functional.cross_entropy, x, y).factors.dense()
    # parameters of the second layer without a bias: 18 + 2 numbers of the first come before its 40
    torch.testing.assert_close(torch.kron(blocks[1].G, blocks[1].A), F[20:60, 20:60], rtol=1e-10, atol=1e-13)


def test_factors_are_sums_over_samples_and_sites():
    module, (x, y) = network(), batch(6)
    made = kronecker(module, trainable_layers(module), functional.cross_entropy, x, y)
    loss = functional.cross_entropy(module(x), y)
    torch.testing.assert_close(made.loss, loss.detach())
    grads = torch.autograd.grad(loss, list(module.parameters()))
    torch.testing.assert_close(made.blocks[0].gradient, torch.cat([grads[0].flatten(1), grads[1][:, None]], 1))
    torch.testing.assert_close(made.blocks[2].gradient, torch.cat([grads[3], grads[4][:, None]], 1))
    # the convolution naively: every sample, every site, the padded patch by slicing
    padded = functional.pad(x, (1, 1, 1, 1))
    A, G, p = torch.zeros(10, 10), torch.zeros(2, 2), module(x).softmax(1)
    for b in range(6):
        for i in range(2):
            for j in range(2):
                patch = torch.cat([padded[b, 0, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3].reshape(-1), torch.ones(1)])
                A += torch.outer(patch, patch) / 6
        hidden = module[0](x[b : b + 1]).detach().requires_grad_()
        outputs = module[1:](hidden)[0]
        D = torch.stack([torch.autograd.grad(z, hidden, retain_graph=True)[0][0] for z in outputs])  # (K, 2, 2, 2)
        H = (torch.diag(p[b]) - torch.outer(p[b], p[b])).detach() / 6
        G += torch.einsum("koij,kl,lpij->op", D, H, D) / 4
    torch.testing.assert_close(made.blocks[0].A, A, rtol=1e-11, atol=1e-13)
    torch.testing.assert_close(made.blocks[0].G, G, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize(
    "solver",
    [None, Cholesky(), IdealSPU(), DeviceSPU(Population(), effects=DeviceEffects.only())],
    ids=["default", "Cholesky", "IdealSPU", "DeviceSPU"],
)
def test_two_steps_are_those_of_the_dense_kronecker_matrices(solver):
    lr, lam, decay = 0.1, 0.05, 0.9
    module, twin = network(), network()
    optimizer = KFAC(module, functional.cross_entropy, lr, lam, solver, momentum=0.5, weight_decay=0.1, decay=decay)
    averages, velocity = [], []
    for step in range(2):
        x, y = batch(6, seed=step)
        optimizer.step(x, y)
        blocks = kronecker(twin, trainable_layers(twin), functional.cross_entropy, x, y).blocks
        changes = []
        for i, (block, layer) in enumerate(zip(blocks, trainable_layers(twin).values(), strict=True)):
            if step == 0:
                averages.append([(1 - decay) * block.A, (1 - decay) * block.G])
            else:
                averages[i] = [
                    decay * m + (1 - decay) * f for m, f in zip(averages[i], (block.A, block.G), strict=True)
                ]
            A, G = (m / (1 - decay ** (step + 1)) for m in averages[i])
            pi = ((A.trace() / len(A)) / (G.trace() / len(G))).sqrt()
            F = torch.kron(G + lam**0.5 / pi * torch.eye(len(G)), A + pi * lam**0.5 * torch.eye(len(A)))
            weight = layer.weight.detach().flatten(1)
            theta = weight if layer.bias is None else torch.cat([weight, layer.bias.detach()[:, None]], 1)
            direction = torch.linalg.solve(F, (block.gradient + 0.1 * theta).reshape(-1)).reshape(theta.shape)
            velocity[i:i] = [] if step else [torch.zeros_like(direction)]
            velocity[i] = 0.5 * velocity[i] + direction
            changes.append(theta - lr * velocity[i])
        for theta, layer in zip(changes, trainable_layers(twin).values(), strict=True):
            inputs = layer.weight[0].numel()
            layer.weight.data = theta[:, :inputs].reshape(layer.weight.shape).clone()
            if layer.bias is not None:
                layer.bias.data = theta[:, inputs].clone()
    torch.testing.assert_close(flat(module), flat(twin), rtol=1e-8, atol=1e-10)


def test_input_and_output_go_through_converters():
    seen = []

    class Recorder:
        def init(self, program):
            return program

        def compute(self, state, b, x0=None, t=None):
            from thermospice.training import Solution

            seen.append((state, b))
            return Solution(torch.linalg.solve(torch.from_numpy(state.A), b), {"analog_time": 2.0})

    module, exact = network(), network()
    x, y = batch(6)
    optimizer = KFAC(module, functional.cross_entropy, solver=Recorder(), bits=6)
    optimizer.step(x, y)
    for state, b in seen:
        codes = b / b.abs().max() * 31
        torch.testing.assert_close(codes, codes.round(), rtol=0, atol=1e-9)
        assert float(torch.from_numpy(state.A).abs().max()) == pytest.approx(1.0)
    # one question for each column of D and each row of G^-1 D: 10 + 2, 8 + 5, 6 + 3
    assert optimizer.stats["solves"] == len(seen) == 34
    assert optimizer.stats["total_analog_time"] == 68.0
    KFAC(exact, functional.cross_entropy).step(x, y)
    start = flat(network())
    error = float((flat(module) - flat(exact)).norm() / (flat(exact) - start).norm())
    # four roundings to 1/62 of the largest entry each
    assert 1e-3 < error < 0.2


def test_a_resumed_run_is_the_same_bit_for_bit():
    def make() -> tuple[nn.Module, KFAC]:
        module = network()
        return module, KFAC(module, functional.cross_entropy, 0.1, solver=IdealSPU(t=5.0, kappa0=1e-6), momentum=0.5)

    data = [batch(6, seed) for seed in range(4)]
    module, optimizer = make()
    for x, y in data[:2]:
        optimizer.step(x, y)
    file = io.BytesIO()
    torch.save({"module": module.state_dict(), "optimizer": optimizer.state_dict()}, file)
    for x, y in data[2:]:
        optimizer.step(x, y)
    resumed, second = make()
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    resumed.load_state_dict(saved["module"])
    second.load_state_dict(saved["optimizer"])
    for x, y in data[2:]:
        second.step(x, y)
    assert torch.equal(flat(resumed), flat(module))
    assert second.stats == optimizer.stats


def test_training_reduces_the_loss():
    x, y = batch(32)
    optimizer = KFAC(network(), functional.cross_entropy, lr=0.3, damping=0.01)
    losses = [float(optimizer.step(x, y)) for _ in range(20)]
    assert losses[-1] < 0.3 * losses[0]


def test_what_has_no_kronecker_factors_is_named():
    shared = nn.Linear(3, 3)
    for module, message in (
        (nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3)), r"layer '1' \(LayerNorm\)"),
        (nn.Sequential(shared, nn.Tanh(), shared), "used once"),
        (nn.Linear(3, 3).requires_grad_(False), "at least one trained"),
        (nn.Sequential(nn.Conv2d(2, 2, 1, groups=2)), "without groups"),
    ):
        with pytest.raises(ValueError, match=message):
            KFAC(module, functional.mse_loss).step(torch.randn(2, 3), torch.randn(2, 3))
    with pytest.raises(Diverged, match="loss is not finite"):
        KFAC(nn.Linear(3, 3), functional.mse_loss).step(torch.full((2, 3), math.nan), torch.randn(2, 3))


@pytest.mark.parametrize("bad", [{"lr": -1.0}, {"damping": 0.0}, {"decay": 1.0}, {"bits": 1}, {"momentum": -1.0}])
def test_settings_out_of_range_are_named(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        KFAC(network(), functional.cross_entropy, **bad)


def test_an_output_that_is_changed_in_place_is_no_other():
    def end(inplace):
        torch.manual_seed(0)
        module = nn.Sequential(nn.Linear(4, 5), nn.ReLU(inplace=inplace), nn.Linear(5, 3)).double()
        optimizer, x = KFAC(module, functional.cross_entropy, lr=0.1), torch.randn(6, 4, dtype=torch.float64)
        for _ in range(3):
            optimizer.step(x, torch.tensor([0, 1, 2, 0, 1, 2]))
        return nn.utils.parameters_to_vector(module.parameters())

    torch.testing.assert_close(end(True), end(False), rtol=0, atol=0)


def test_a_weight_that_is_used_apart_from_its_layer_is_refused():
    class Borrowed(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 3)

        def forward(self, x):
            return functional.linear(self.layer(x), self.layer.weight)

    optimizer = KFAC(Borrowed(), functional.cross_entropy)
    with pytest.raises(ValueError, match="used in another way"):
        optimizer.step(torch.randn(4, 3), torch.tensor([0, 1, 2, 0]))
