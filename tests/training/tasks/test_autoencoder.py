"""Images onto themselves: shapes, scale and parts are those of the tasks that the images come from."""

from pathlib import Path

import pytest
import torch
from thermospice.training import load_task
from thermospice.training.tasks import TASK_KINDS


def test_every_image_is_its_own_target() -> None:
    task, images = load_task("autoencoder"), load_task("digits")
    torch.testing.assert_close(task.test.inputs, images.test.inputs.flatten(1))
    assert task.test.targets is task.test.inputs
    assert task.build()(task.train.inputs).shape == task.train.targets.shape
    # standardised over the training part: what the mean gray leaves is one
    assert task.train.targets.square().mean().item() == pytest.approx(1.0, rel=1e-5)


@pytest.mark.parametrize("name", [name for name, kind in TASK_KINDS.items() if not kind.reads_folder])
def test_a_folder_that_no_task_would_read_is_refused(tmp_path: Path, name: str) -> None:
    # Catches a run on the shipped data under the name of the user's own.
    with pytest.raises(ValueError, match=f"{name}: its data are shipped"):
        load_task(name, tmp_path)
