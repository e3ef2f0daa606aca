"""The help of `train` names all that there is to choose from, without loading torch for it."""

import inspect

import pytest
from thermospice.cli.commands import train
from thermospice.training.experiments import OPTIMIZER_KINDS, SOLVER_KINDS


@pytest.mark.parametrize(("option", "kinds"), [("optimizer", OPTIMIZER_KINDS), ("solver", SOLVER_KINDS)])
def test_the_help_names_every_row(option, kinds):
    # Catches a row that was added to a table and that no user hears of.
    text = inspect.signature(train.train).parameters[option].annotation.__metadata__[0].help
    assert [name for name in kinds if name not in text] == []
