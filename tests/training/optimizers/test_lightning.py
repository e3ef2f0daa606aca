"""The recipe of docs/training/own-loop.md for Lightning, where that is installed."""

import pytest
import torch
from thermospice.training import TNGD, Woodbury
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

lightning = pytest.importorskip("lightning", reason="the recipe needs lightning")

X = torch.randn(24, 4, generator=torch.Generator().manual_seed(1))
Y = torch.randint(3, (24,), generator=torch.Generator().manual_seed(2))


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))


class Trained(lightning.LightningModule):  # type: ignore[misc, name-defined]
    def __init__(self, model, loss_fn, **settings):
        super().__init__()
        self.model = model
        self.loss_fn = loss_fn
        self.settings = settings
        self.automatic_optimization = False

    def training_step(self, batch, _):
        return self.optimizers().optimizer.step(*batch)

    def configure_optimizers(self):
        return TNGD(self.model, self.loss_fn, **self.settings)


@pytest.mark.filterwarnings("ignore")
def test_lightning_takes_the_steps_of_a_plain_loop() -> None:
    model, twin, settings = network(), network(), {"lr": 0.3, "damping": 0.1, "solver": Woodbury()}
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
    trainer = lightning.Trainer(max_epochs=1, enable_model_summary=False, **quiet)
    trainer.fit(Trained(model, nn.CrossEntropyLoss(), **settings), DataLoader(TensorDataset(X, Y), batch_size=8))
    plain = TNGD(twin, nn.CrossEntropyLoss(), **settings)
    for x, y in zip(X.split(8), Y.split(8), strict=True):
        plain.step(x, y)
    for p, q in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-5, atol=1e-6)
