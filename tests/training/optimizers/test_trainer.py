"""The recipe of docs/training/own-loop.md for Hugging Face's Trainer, where that is installed."""

from pathlib import Path

import pytest
import torch
from thermospice.training import TNGD, Woodbury
from torch import nn

pytest.importorskip("accelerate", reason="the recipe needs accelerate")
transformers = pytest.importorskip("transformers", reason="the recipe needs transformers")

X = torch.randn(24, 4, generator=torch.Generator().manual_seed(1))
Y = torch.randint(3, (24,), generator=torch.Generator().manual_seed(2))


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))


class BatchTNGD(TNGD):
    batch = ()

    def step(self, closure=None):
        return super().step(*self.batch)


class NaturalTrainer(transformers.Trainer):
    def training_step(self, model, inputs, num_items_in_batch=None):
        inputs = self._prepare_inputs(inputs)
        optimizer = self.optimizer.optimizer
        optimizer.batch = inputs["inputs"], inputs["labels"]
        with torch.no_grad():
            return optimizer.loss_fn(model(inputs["inputs"]), inputs["labels"])

    def _get_train_sampler(self, *_):
        return None  # the order of the data, for the comparison


@pytest.mark.filterwarnings("ignore")
def test_a_trainer_takes_the_steps_of_a_plain_loop(tmp_path: Path) -> None:
    model, twin, settings = network(), network(), {"lr": 0.3, "damping": 0.1, "solver": Woodbury()}
    arguments = transformers.TrainingArguments(
        str(tmp_path), num_train_epochs=1, per_device_train_batch_size=8, use_cpu=True, report_to="none",
        save_strategy="no", max_grad_norm=0.0, remove_unused_columns=False, disable_tqdm=True,
    )  # fmt: skip
    optimizer = BatchTNGD(model, nn.CrossEntropyLoss(), **settings)
    constant = torch.optim.lr_scheduler.ConstantLR(optimizer, 1.0)
    data = [{"inputs": x, "labels": y} for x, y in zip(X, Y, strict=True)]
    NaturalTrainer(model, arguments, train_dataset=data, optimizers=(optimizer, constant)).train()
    plain = TNGD(twin, nn.CrossEntropyLoss(), **settings)
    for x, y in zip(X.split(8), Y.split(8), strict=True):
        plain.step(x, y)
    assert optimizer.stats["steps"] == 3.0
    for p, q in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-5, atol=1e-6)
