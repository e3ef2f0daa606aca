"""What is wrong, in one line."""

import pytest
from thermospice.files import one_of


def test_one_of_several_or_an_error_that_lists_them():
    assert one_of("tran", ("op", "tran"), "analysis", ValueError) == "tran"
    with pytest.raises(KeyError, match=r"analysis: expected one of op, tran, got 'ac'"):
        one_of("ac", ("op", "tran"), "analysis", KeyError)
