"""A design by its name: one rule for every command, whatever its file is called."""

import pytest
from thermospice.circuits import Design, DesignError
from thermospice.circuits.trials import find_design, get_design, names_a_file


@pytest.mark.parametrize("name", ["mine.yaml", "mine.yml", "folder/mine"])
def test_a_path_is_a_file_with_or_without_a_suffix(name, tmp_path):
    board = Design.preset("board-1k-1n")
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(board.to_yaml())
    assert names_a_file(name)
    assert find_design(name, tmp_path) == find_design(str(path)) == get_design(str(path)) == board


def test_a_word_is_a_preset():
    assert find_design("board-1k-1n") == Design.preset("board-1k-1n")
    with pytest.raises(DesignError, match=r"unknown design 'bord': expected one of .*board-1k-1n"):
        find_design("bord")
