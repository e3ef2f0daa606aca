"""`report` on what the commands leave: the real folders, through the command line."""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml

NETLIST = "* rc\nV1 in 0 DC 1 AC 1\nR1 in out 1k\nC1 out 0 1n\n.end\n"
STUDY = {
    "name": "short",
    "circuit": {"design": "board-1k-1n", "size": 2, "analyses": ["op"]},
    "parameters": {"corner": ["slow", "fast"]},
    "instances": 3,
    "limits": [{"metric": "relative_error", "at_most": "0.01 %", "required_yield": "95 %"}],
}
OWN = ("--netlist", "rc.cir", "--outputs", "out")

COMMANDS = {
    "op": (("simulate", "--size", 2, "--analysis", "op"), 0, "passed"),
    "noise": (("simulate", "--size", 2, "--analysis", "noise"), 0, "passed"),
    "own": (("simulate", *OWN, "--analysis", "ac"), 0, "passed"),
    "own-noise": (("simulate", *OWN, "--analysis", "noise"), 0, "passed"),
    "symbolic": (("symbolic", "--size", 1), 0, "passed"),
    "solve": (("solve", "--size", 2, "--runs", 4, "--on", "ideal"), 0, None),
    "qp": (("solve", "--problem", "qp", "--on", "ideal", "--size", 3), 0, "passed"),
    "chip": (("calibrate", "--size", 1, "--programs", 3), 0, "passed"),
    "process": (("calibrate", "--size", 1, "--programs", 3, "--instances", 3), 0, "passed"),
    "elements": (("calibrate", *OWN, "--tolerances", "tol.yaml"), 0, "passed"),
    "table": (("verify", "--topology", "crossbar", "--size", 1, "--level", "ideal", "--quick"), 0, "passed"),
    "own-table": (("verify", *OWN), 0, "passed"),
    "study": (("sweep", "study.yaml"), 1, "failed"),
    "own-study": (("sweep", *OWN, "--tolerances", "limits.yaml", "--instances", 3), 1, "failed"),
    "training": (("train", "regression", "--optimizer", "adam", "--steps", 5), 0, "passed"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_the_box_of_a_report_has_the_colour_of_the_exit_code(run, tmp_path, name):
    # Catches a summary that a verdict no longer reads, and a report that calls good what ended with 1.
    (tmp_path / "rc.cir").write_text(NETLIST)
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(STUDY))
    (tmp_path / "tol.yaml").write_text("tolerances: {R*: 1 %, C*: 5 %}\n")
    (tmp_path / "limits.yaml").write_text("tolerances: {R*: 1 %}\nlimits: {tau: {max: 1n}}\n")
    arguments, code, state = COMMANDS[name]
    assert run(*arguments, "--out", "made").code == code
    assert run("report", "made").code == 0
    page = (tmp_path / "made" / "report.html").read_text(encoding="utf-8")
    box = page[page.index('<section class="verdict') : page.index("<h3>")]
    if state is not None:
        assert f'class="verdict {state}"' in box
    assert f"thermospice {arguments[0]} " in box
    assert "Next:" in box
    links = [unquote(link) for link in re.findall(r'href="([^"#]+)"', page)]
    assert links
    assert all((Path("made") / link).is_file() for link in links)
    tables = len(list((tmp_path / "made" / "tables").iterdir()))
    assert tables == page[page.index("<h3>") :].count("<table")
