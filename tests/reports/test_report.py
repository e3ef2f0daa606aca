"""The page says what is on disk, all of it and nothing else."""

import base64
import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from thermospice.reports import ReportError, build_report

sys.path.insert(0, str(Path(__file__).parent))
from sample import make_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make_folder(tmp_path_factory.mktemp("run"))
    build_report([made], made / "report.html")
    return made


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures cost seconds; tests of the text leave them out."""
    monkeypatch.setattr("thermospice.reports.section_parts._section.svg_uri", lambda draw, theme: f"data:{theme.name}")


class Outline(HTMLParser):
    """Tags, attributes, and whether every tag is closed."""

    VOID = ("meta", "img", "source", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def outline(page: str) -> Outline:
    parser = Outline()
    parser.feed(page)
    assert parser.open == []
    return parser


def test_all_parts_are_there(page):
    titles = re.findall(r"<h3>(.*?)</h3>", page)
    assert titles == [
        "Circuit",
        "Design",
        "Waveforms: SPICE against the model",
        "Stationary covariance",
        "Calibration",
        "Fidelity",
        "Training",
        "Training with ngspice in the loop",
        "Seeds and versions",
    ]
    assert "Not computed" not in page


def test_a_folder_of_one_training_is_a_training(tmp_path, undrawn):
    training = make_folder(tmp_path / "run") / "training"
    page = build_report([training], tmp_path / "report.html").read_text(encoding="utf-8")
    assert "At the end of training" in page


def test_training_in_the_loop_is_in_standard_errors_of_the_calibration(page):
    # Two parameters, one of which is two standard errors off: rms sqrt(2).
    assert "2.0e-03 with the calibrated model and 5.0e-02 with the design" in page
    assert "rms 1.41, largest 2.0" in page


def test_needs_no_other_file(page):
    # Catches a picture, a style or a font that the page takes from elsewhere; links that one follows are not loaded.
    for tag, attributes in outline(page).found:
        for name in ("src", "srcset", "href"):
            value = attributes.get(name)
            shown = value is None or value.startswith(("data:", "#"))
            assert shown or (tag == "a" and name == "href"), value
    assert "@import" not in page
    assert "url(" not in page


def test_the_page_may_load_nothing_and_run_nothing(page):
    # Catches text of a result folder that got around the escaping: a browser that knows the policy does not run it.
    found = outline(page).found
    policies = [attributes["content"] for _, attributes in found if attributes.get("http-equiv")]
    assert len(policies) == 1
    rules = dict(rule.strip().split(" ", 1) for rule in policies[0].split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    assert not any("script" in name for name in rules)
    first = next(k for k, (_, attributes) in enumerate(found) if attributes.get("http-equiv"))
    assert all(tag in ("html", "head", "meta") for tag, _ in found[:first])  # a policy counts from where it stands
    assert not [tag for tag, _ in found if tag in ("script", "iframe", "object", "embed", "link", "base", "form")]
    assert not [name for _, attributes in found for name in attributes if name.startswith("on")]


def test_links_lead_somewhere(page, folder):
    found = outline(page).found
    targets = [attributes["id"] for _, attributes in found if "id" in attributes]
    assert len(targets) == len(set(targets))
    links = [str(attributes["href"]) for tag, attributes in found if tag == "a"]
    assert {link[1:] for link in links if link.startswith("#")} <= set(targets)
    beside = {unquote(link) for link in links if not link.startswith("#")}
    assert all((folder / link).is_file() for link in beside)
    assert {"fidelity.json", "parameters.json", "training/runs.jsonl", "summary.json"} <= beside
    assert not [link for link in beside if Path(link).is_absolute() or ":" in link]


def test_every_figure_is_drawn_in_both_looks(page):
    found = outline(page).found
    light = [attributes["src"] for tag, attributes in found if tag == "img"]
    dark = [attributes["srcset"] for tag, attributes in found if tag == "source"]
    assert len(light) == len(dark) >= 11
    for one, other in zip(light, dark, strict=True):
        assert one != other
        for uri in (one, other):
            ElementTree.fromstring(base64.b64decode(uri.partition("base64,")[2]))
    media = {attributes["media"] for tag, attributes in found if tag == "source"}
    assert media == {"screen and (prefers-color-scheme: dark)"}  # print is light


def test_readable_on_a_phone_and_in_print(page):
    viewport = [a["content"] for tag, a in outline(page).found if tag == "meta" and a.get("name") == "viewport"]
    assert viewport == ["width=device-width, initial-scale=1"]
    assert "@media print" in page
    assert all(a.get("alt") for tag, a in outline(page).found if tag == "img")


def test_failed_checks_stand_at_the_top(page):
    head = page[: page.index("<h3>")]
    assert "1 of 2 checks passed" in head
    assert "Failed: waveform" in head
    assert "✗ failed" in page


def test_numbers_come_from_disk(page):
    assert "1 kΩ" in page
    assert "the paper" in page
    assert "3.00e-03" in page  # the failed row's value
    # Frobenius norm of a difference of 1e-4 times the matrix.
    assert "1.00e-04 of SPICE" in page


def test_where_tngd_loses_is_a_table_of_its_own(page):
    table = page[page.index("Where TNGD loses") :]
    table = table[: table.index("</table>")]
    assert "adam: 0.091" in table  # 0.09, 0.091, 0.092: best in training loss
    assert table.count("clearly behind") >= 2


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("kept", ["ideal-spu", None])
def test_nobody_loses_where_there_is_no_rival(tmp_path, kept):
    folder = make_folder(tmp_path / "run", seeds=2)
    path = folder / "training" / "runs.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    analog = [row for row in rows if str(row.get("solver", "")).endswith("-spu")]
    chosen = analog if kept else [row for row in rows if row not in analog]
    assert 0 < len(chosen) < len(rows)
    path.write_text("".join(json.dumps(row) + "\n" for row in chosen))
    page = build_report([folder], tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Where TNGD loses" not in page
    assert "At the end of training" in page
    # t of one degree of freedom.
    assert "12.7 standard errors" in page


@pytest.mark.usefixtures("undrawn")  # that figures repeat is tested one by one
def test_same_files_same_page(tmp_path):
    folder = make_folder(tmp_path / "run", seeds=1)
    first = build_report([folder], folder / "report.html").read_bytes()
    assert build_report([folder], folder / "report.html").read_bytes() == first
    assert "One value gives no interval" in first.decode()


@pytest.mark.usefixtures("undrawn")
def test_what_is_missing_is_said(tmp_path):
    folder = make_folder(tmp_path / "run", seeds=1)
    (folder / "covariance.json").unlink()
    (folder / "training" / "runs.jsonl").unlink()
    page = build_report([folder], tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Not computed in this folder: covariance, training." in page
    assert "Stationary covariance" not in page


@pytest.mark.usefixtures("undrawn")
def test_cut_last_line_of_a_killed_run_is_left_out(tmp_path):
    folder = make_folder(tmp_path / "run", seeds=1)
    with (folder / "training" / "curves.jsonl").open("a") as file:
        file.write('{"run": "adam-s0", "st')
    build_report([folder], tmp_path / "report.html")


@pytest.mark.usefixtures("undrawn")
def test_text_from_files_is_escaped(tmp_path):
    folder = make_folder(tmp_path / "run", seeds=1)
    summary = json.loads((folder / "summary.json").read_text())
    summary["versions"]["ngspice"] = "<script>alert(1)</script>"
    (folder / "summary.json").write_text(json.dumps(summary))
    page = build_report([folder], tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("name", ["fidelity.json", "waveforms.nc", "design.yaml", "parameters.json"])
def test_damaged_files_are_named(tmp_path, name):
    folder = make_folder(tmp_path / "run", seeds=1)
    (folder / name).write_text("{[")
    with pytest.raises(ReportError, match=name):
        build_report([folder], tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_nothing_to_report(tmp_path):
    with pytest.raises(ReportError, match="at least one"):
        build_report([], tmp_path / "report.html")
    with pytest.raises(ReportError, match="nothing to report"):
        build_report([tmp_path], tmp_path / "report.html")
    with pytest.raises(ReportError, match="nowhere"):
        build_report([tmp_path / "nowhere"], tmp_path / "report.html")
