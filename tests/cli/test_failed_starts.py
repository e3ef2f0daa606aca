"""A command that fails before it has done anything leaves nothing that refuses the corrected command."""

import pytest

TRAIN = ("train", "digits", "--solver", "device-spu", "--steps", 1)


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "mnist"),
        (*TRAIN, "--device", "missing.json"),
        ("calibrate", "--size", 1, "--instances", 2),
        ("verify", "--size", 1, "--design", "nowhere"),
        ("sweep", "nowhere.yaml"),
    ],
    ids=lambda a: " ".join(map(str, a[:4])),
)
def test_a_failed_command_leaves_no_folder(run, tmp_path, arguments):
    # Catches state.json, written before the first look at the data.
    run(*arguments, "--out", "new", "--quiet").refused()
    assert not (tmp_path / "new").exists()


def test_an_empty_folder_of_the_user_s_stays(run, tmp_path):
    (tmp_path / "mine").mkdir()
    run("train", "mnist", "--out", "mine", "--quiet").refused()
    assert list((tmp_path / "mine").iterdir()) == []


def test_what_was_done_stays_and_the_way_on_is_told(run, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("THERMOSPICE_NGSPICE", "/nowhere/ngspice")
    run("run", "--quick", "--out", "new", "--quiet").refused("ngspice", "go on with: thermospice run --resume new")
    assert (tmp_path / "new" / "instance.json").exists()
    assert (tmp_path / "new" / "state.json").exists()


def test_a_link_in_the_folder_is_left_alone(run, tmp_path, monkeypatch):
    from thermospice.cli.frame import Folder

    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "state.json").write_text("{}")
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "linked").symlink_to(tmp_path / "precious")
    Folder(tmp_path / "new").forget_what_was_only_asked()
    Folder(tmp_path / "new" / "linked").forget_what_was_only_asked()
    assert (tmp_path / "precious" / "state.json").exists()
    assert (tmp_path / "new" / "linked").is_symlink()
