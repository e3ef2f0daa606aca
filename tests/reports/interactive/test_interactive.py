"""A page whose figures move: plotly's script in it, a policy that lets nothing else run, and no way to the network."""

import base64
import hashlib
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from thermospice.reports import ReportError, build_report
from thermospice.reports import figures as figures
from thermospice.reports.interactive import moving

sys.path.insert(0, str(Path(__file__).parents[1]))
from made_folders import REPORTS


def folder(tmp_path: Path) -> Path:
    return REPORTS["calibrate"].write(tmp_path / "made")


def test_without_plotly_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("thermospice.reports.interactive._page.find_spec", lambda name: None)
    made = folder(tmp_path)
    with pytest.raises(ReportError, match=r"thermospice\[interactive\]"):
        build_report([made], made / "report.html", interactive=True)
    assert not (made / "report.html").exists()


def test_the_policy_names_each_script_by_its_content(tmp_path):
    pytest.importorskip("plotly")
    made = folder(tmp_path)
    page = build_report([made], made / "report.html", interactive=True).read_text(encoding="utf-8")
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    assert len(scripts) == 2
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page).group(1).replace("&#39;", "'")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    digests = {base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts}
    assert set(rules["script-src"].split()) == {f"'sha256-{digest}'" for digest in digests}
    assert rules["default-src"] == "'none'"  # neither connections nor workers
    assert "<script src" not in page
    # What comes of files can neither end a script nor begin one.
    assert '<script>alert("x")' not in page


def test_traces_have_the_values_of_the_figure():
    pytest.importorskip("plotly")
    time = np.linspace(0.0, 1e-5, 50)
    v = np.column_stack([time * 1e5, 1 - time * 1e5])
    found = moving({"here": lambda: figures.transient(time, v), "map": _map})
    assert found.places == {"here"}  # a map of colours stays a picture
    looks = json.loads(re.search(r"var looks = (\{.*?\});\n", found.scripts[1]).group(1).replace("<\\/", "</"))
    traces = {trace["name"]: trace for trace in looks["light"]["here"]["data"]}
    np.testing.assert_allclose(traces["cell 1"]["y"], v[:, 1], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(traces["cell 0"]["x"], time * 1e6, rtol=1e-5, atol=1e-6)  # in microseconds
    assert looks["light"]["here"]["layout"]["xaxis"]["title"]["text"] == "time (µs)"
    dark = looks["dark"]["here"]["layout"]["paper_bgcolor"]
    assert dark == figures.DARK.paper != looks["light"]["here"]["layout"]["paper_bgcolor"]


def _map() -> Figure:
    figure = Figure()
    figure.add_subplot().imshow(np.eye(2))
    return figure
