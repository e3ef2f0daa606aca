"""`thermospice fetch`: data that are not shipped."""

import pytest


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("cifar",), "NAME: expected mnist, got 'cifar'"),
        (("mnist", "--mirror", "file:///no/such/folder"), "train-images-idx3-ubyte.gz: cannot be downloaded"),
    ],
)
def test_what_cannot_be_had_is_refused_in_one_line(run, tmp_path, arguments, message):
    found = run("fetch", *arguments, "--out", str(tmp_path / "data"))
    assert found.code == 2
    assert message in found.err
    assert len(found.err.strip().splitlines()) == 1
    assert not (tmp_path / "data").exists()
