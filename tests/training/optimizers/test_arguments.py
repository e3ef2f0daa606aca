"""An argument that is none is refused where it is given, in one line that names it."""

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from thermospice.files.arguments import check_number, check_whole


@pytest.fixture(scope="module")
def refusals():
    here = Path(__file__).parent
    surroundings = {**os.environ, "PYTHONPATH": str(here.parent)}
    done = subprocess.run(
        [sys.executable, here / "refusals.py"], env=surroundings, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_each_is_named_in_one_line(refusals):
    # Catches a comparison of a string or an array with 0, which Python or numpy answers without the argument's name,
    # and one argument of all that takes what is none.
    owners = {"tngd": "TNGD", "kfac": "KFAC", "device": "DeviceSPU", "group": "TNGD"}
    assert len(refusals) > 300
    for maker, name, value, kind, words in refusals:
        case = f"{maker}({name}={value:.40}): {kind}: {words}"
        assert kind in ("TypeError", "ValueError", "BoundError"), case
        assert words.startswith(f"{owners.get(maker, maker)}: "), case
        assert {name, "expected"} <= set(re.split(r"\W+", words)), case
        assert "\n" not in words, case
        assert len(words) < 250, case


def test_numbers_of_other_libraries_are_numbers():
    for number in (1, 0.5, np.float64(0.5), np.float32(0.5), np.int64(1), np.array(0.5), torch.tensor(0.5)):
        check_number("owner", "name", number)
    check_number("owner", "name", math.inf, infinite=True)
    check_whole("owner", "name", np.int64(2), 1)
