"""Every command's report: its headings, its verdict, its links, what it escapes, and that it loads nothing."""

import csv
import html
import re
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
from thermospice.reports import build_report

sys.path.insert(0, str(Path(__file__).parent))
from made_folders import REPORTS
from test_report import outline


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """All of them, each built once; figures cost seconds, and are tested one by one."""
    root = tmp_path_factory.mktemp("every")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("thermospice.reports.section_parts._section.svg_uri", lambda draw, theme: f"data:{theme.name}")
        return {
            name: build_report([made.write(root / f"{name} of #1")], root / f"{name} of #1" / "report.html")
            for name, made in REPORTS.items()
        }


def text_of(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


@pytest.fixture(params=sorted(REPORTS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_headings_are_those_of_the_command(pages, name):
    page = pages[name].read_text(encoding="utf-8")
    titles = re.findall(r"<h3>(.*?)</h3>", page)
    assert len(titles) == len(REPORTS[name].titles)
    for found, expected in zip(titles, REPORTS[name].titles, strict=True):
        assert found.startswith(expected)
    assert "Not computed" not in page


def test_the_verdict_comes_first_and_says_why(pages, name):
    # Catches a report that hides what failed below its figures, or a failed limit under a green box.
    page = pages[name].read_text(encoding="utf-8")
    head = page[page.index("<h2") : page.index("<h3")]
    assert f'<section class="verdict {REPORTS[name].state}"' in head
    words = text_of(page)
    for said in REPORTS[name].says:
        assert said in words, said
    assert "Next:" in head
    assert "Made by" in head
    assert "numpy" in head
    assert "seed 3" in text_of(head)


def test_every_link_leads_to_a_file(pages, name):
    page = pages[name].read_text(encoding="utf-8")
    found = outline(page).found
    targets = [attributes["id"] for _, attributes in found if "id" in attributes]
    assert len(targets) == len(set(targets))
    links = [str(attributes["href"]) for tag, attributes in found if tag == "a"]
    assert {link[1:] for link in links if link.startswith("#")} <= set(targets)
    beside = [unquote(link) for link in links if not link.startswith("#")]
    assert beside
    for link in beside:
        assert (pages[name].parent / link).is_file(), link
    for file in REPORTS[name].files:
        assert file in beside or "/" in file or file.endswith(".png"), file


def test_text_of_files_stays_text_and_nothing_is_loaded(pages, name):
    page = pages[name].read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    found = outline(page).found
    for tag, attributes in found:
        assert tag not in ("script", "iframe", "object", "embed", "link", "base", "form")
        assert not [attribute for attribute in attributes if attribute.startswith("on")]
        for attribute in ("src", "srcset"):
            assert str(attributes.get(attribute, "data:")).startswith("data:")
        target = str(attributes.get("href", "#"))
        assert ":" not in target
        assert not target.startswith(("/", "\\"))
    assert "url(" not in page
    assert "@import" not in page


def test_every_table_is_a_file_as_well(pages, name):
    page = pages[name].read_text(encoding="utf-8")
    tables = page[page.index("<h3") :].count("<table")
    files = sorted((pages[name].parent / "tables").glob("*.csv"))
    assert len(files) == tables > 0
    for file in files:
        rows = list(csv.reader(file.read_text(encoding="utf-8").splitlines()))
        assert len({len(row) for row in rows}) == 1
        # Catches a reason that a spreadsheet would run.
        assert not [cell for row in rows for cell in row if cell.startswith(("=", "@"))]


def test_numbers_in_files_are_si_with_their_intervals(pages):
    tables = pages["simulate"].parent / "tables"
    rms = next(file for file in tables.iterdir() if file.name.endswith("-noise.csv"))
    assert rms.read_text().splitlines() == ["cell,rms (V)", "cell 0,7e-05", "cell 1,8e-05"]
    limits = next(file for file in (pages["sweep"].parent / "tables").iterdir() if "limits" in file.name)
    head, row = csv.reader(limits.read_text().splitlines())
    found = dict(zip(head, row, strict=True))
    assert (found["yield"], found["yield low"], found["yield high"]) == ("0.56", "0.3714", "0.7333")


def test_several_folders_have_a_page_with_links_to_each(pages, tmp_path, monkeypatch):
    monkeypatch.setattr("thermospice.reports.section_parts._section.svg_uri", lambda draw, theme: f"data:{theme.name}")
    folders = [pages["verify"].parent, pages["export"].parent]
    page = build_report(folders, tmp_path / "page" / "report.html")
    links = [str(a["href"]) for tag, a in outline(page.read_text(encoding="utf-8")).found if tag == "a"]
    beside = [unquote(link) for link in links if not link.startswith("#")]
    assert any(link.startswith("../") for link in beside)
    assert all((page.parent / link).is_file() for link in beside)
    assert len(list((page.parent / "tables").iterdir())) == 2
