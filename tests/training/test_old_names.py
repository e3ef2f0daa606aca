"""Names that have changed are handed on for one release."""

import pytest
import thermospice.training as training
from thermospice.training.runs import TuningBudget


def test_a_renamed_class_is_found_by_its_old_name():
    with pytest.warns(DeprecationWarning, match=r"training\.runs, as TuningBudget"):
        assert training.Budget is TuningBudget


def test_effects_keep_their_name_at_the_door():
    assert training.Effects is training.DeviceEffects
