"""The smallest chip."""

import pytest
from thermospice.circuits import Design, Instance, RCMesh


@pytest.fixture(scope="session")
def cell() -> Instance:
    return Design.preset("ideal").nominal(RCMesh(1))
