"""The pages of docs/ are whole, say nothing that the application does not know, and run as they stand there."""

import importlib
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from thermospice.cli import main

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
TUTORIALS = "tutorials/index.md"
LANGUAGES = {"sh", "console", "python", "yaml", "text"}
"""`sh` and `python` are run, `console` is shown; a block with a caption is a file of that name."""
DIRECTIVES = {"{toctree}", "{code-block}", "{list-table}", "{include}", "{figure}"}

Block = tuple[str, str]


def _name(page: Path) -> str:
    return page.relative_to(DOCS).as_posix()


def _extension(name: str) -> ModuleType:
    """A module of the site's extensions, which import each other as Sphinx lets them."""
    folder = str(DOCS / "extensions")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module(name)


def blocks(page: Path) -> list[Block]:
    """Words behind the fence, and the text."""
    found = re.findall(r"^```(\S.*?)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [(head.strip(), text) for head, text in found]


def test_every_page_is_reached_in_two_clicks() -> None:
    # Catches a page that no table of contents names, which nobody finds.
    def below(page: str) -> Iterator[str]:
        for head, text in blocks(DOCS / page):
            if head == "{toctree}":
                lines = [line for line in text.splitlines() if line and not line.startswith(":")]
                yield from ((Path(page).parent / f"{line}.md").as_posix() for line in lines)

    # The tutorials are made of scripts when the site is built, one page each below this one.
    assert TUTORIALS in list(below("index.md"))
    first = [page for page in below("index.md") if page != TUTORIALS]
    second = [(DOCS / page).resolve().relative_to(DOCS).as_posix() for top in first for page in below(top)]
    reached = {"index.md", *first, *second}
    assert {_name(page) for page in PAGES} == reached


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_somewhere_near(page: Path) -> None:
    # Catches a page that was renamed, and what would need the network.
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        target = link.partition("#")[0]
        assert not target or (page.parent / target).exists(), link


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_blocks_are_of_a_known_kind(page: Path) -> None:
    # Catches a block that is neither run nor meant to be only shown.
    for head, _ in blocks(page):
        kind, _, argument = head.partition(" ")
        assert kind in LANGUAGES | DIRECTIVES, head
        if kind == "{code-block}":
            assert argument in LANGUAGES, head


def commands_of(page: Path) -> Iterator[list[str]]:
    """Every call of the application that a page names, with its options."""
    text = page.read_text(encoding="utf-8")
    code = re.findall(r"`([^`\n]+)`", text) + re.findall(r"^<!-- output (.*) -->$", text, re.MULTILINE)
    code += [line for head, block in blocks(page) if head in ("sh", "console") for line in block.splitlines()]
    code += re.findall(r"- run: (.*)", text)
    for line in code:
        if match := re.match(r"(?:\$ )?(?:torchrun .*--no-python )?thermospice ([a-z]+)\b(.*)", line):
            yield [match.group(1), *re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", match.group(2))]


def test_commands_and_options_exist() -> None:
    # Catches an option that was renamed, or never was.
    known = {
        name: {word for option in command.params for word in (*option.opts, *option.secondary_opts)}
        for name, command in _extension("application_pages").application().items()
    }
    wrong = []
    seen = 0
    for page in PAGES:
        for name, *options in commands_of(page):
            seen += 1
            wrong += [] if name in known else [f"{_name(page)}: {name}"]
            wrong += [f"{_name(page)}: {name} {o}" for o in options if o not in known.get(name, ())]
    assert wrong == []
    assert seen > 40


def test_options_named_alone_exist() -> None:
    every = {
        word
        for command in _extension("application_pages").application().values()
        for option in command.params
        for word in (*option.opts, *option.secondary_opts)
    }
    for page in PAGES:
        for option in re.findall(r"`(--[a-z][a-z0-9-]+)[^`]*`", page.read_text(encoding="utf-8")):
            assert option in every | {"--version"}, (_name(page), option)


def test_the_reference_tells_every_option_and_field() -> None:
    # Catches a generator that loses what it does not understand.
    pages = _extension("application_pages")
    told = pages.commands()
    for name, command in pages.application().items():
        assert f"## {name}\n" in told
        for option in command.params:
            assert option.param_type_name != "option" or f"`{option.opts[0]}`" in told, option.name
    from thermospice.circuits import Design
    from thermospice.files.quantities import fields_of

    table = pages.fields("thermospice.circuits:Design")
    for path, _ in fields_of(Design):
        assert f"\n| `{path[-1]}` |" in table, path
    assert "| `R0` | ohm | required | > 0 |" in table


@pytest.mark.parametrize(
    "place",
    [
        "thermospice.circuits:Design",
        "thermospice.campaigns.studies:Study",
        "thermospice.training:Experiment",
        "thermospice.circuits.tolerances:CircuitSpecification",
        "thermospice.measurements.lab:LabFacts",
    ],
)
def test_every_field_of_a_file_says_what_it_means(place: str) -> None:
    # Catches a field that a person would have to look up in the source.
    rows = [line.split(" | ") for line in _extension("application_pages").fields(place).splitlines()]
    fields = [row for row in rows if len(row) == 5 and row[0].startswith("| `")]
    assert len(fields) > 4
    assert [row[0] for row in fields if not row[4].strip(" |")] == []


def test_the_measured_board_says_what_its_netlist_says() -> None:
    # Catches a table that was kept while the netlist, or the equations, moved on. The bare network's numbers are those
    # of two lines of algebra: G and C of the board, nothing of the package.
    import csv

    with (DOCS / "validation" / "two-node-board.csv").open(encoding="utf-8") as file:
        rows = {row["quantity"]: row for row in csv.DictReader(file)}
    r1, r2, r3, r4 = 1 / 4690, 1 / 4680, 1 / 6830, 1 / 9900
    G = np.array([[r1 + r3, -r3], [-r3, r2 + r3 + r4]])
    C = np.diag([23.50e-9, 23.51e-9])
    taus = np.sort(1e6 / np.linalg.eigvals(np.linalg.solve(C, G)).real)[::-1]
    for name, tau in zip(("slow", "fast"), taus, strict=True):
        said = float(rows[f"bare network: tau of the {name} mode, us"]["predicted"])
        assert said == pytest.approx(tau, rel=1e-5)  # six digits are written


EFFECT_PAGES = sorted(path for path in (DOCS / "physics").glob("*.md") if path.stem != "index")


@pytest.mark.parametrize("page", EFFECT_PAGES, ids=_name)
def test_an_effect_has_equation_derivation_figure_use_and_literature(page: Path) -> None:
    # Catches a page that says what happens and neither why nor when.
    text = page.read_text(encoding="utf-8")
    heads = ["## Where it comes from", "## When it matters", "## In the package"]
    places = [text.index(head) for head in heads]
    assert "$$" in text[: places[0]]
    assert len(re.findall(r"^\d\. ", text[places[0] : places[1]], re.MULTILINE)) == 5
    assert f"<!-- effect {page.stem} -->" in text[places[0] : places[1]]
    assert "*Literature*: " in text[places[2] :]


def test_planted_faults_were_all_seen_or_too_small() -> None:
    # Catches a table of faults with one that was missed, and one that was made of a part of them only.
    kinds = json.loads((DOCS / "validation" / "faults.json").read_text(encoding="utf-8"))["kinds"]
    assert sum(kind["missed"] for kind in kinds) == 0
    assert sum(kind["planted"] for kind in kinds) > 1000
    for kind in kinds:
        assert kind["caught"] + kind["below"] + kind["missed"] == kind["planted"], kind["kind"]


def test_a_page_of_marks_says_what_the_application_says() -> None:
    # Catches a mark that is copied as it stands, which a browser hides.
    writer = _extension("from_the_application")
    marks = {m.group(1) for page in PAGES for m in writer.MARK.finditer(page.read_text(encoding="utf-8"))}
    assert marks >= {"commands", "doors", "fields", "effect", "engines", "faults", "benchmarks", "output", "board"}
    with pytest.raises(ValueError, match="expected commands"):
        writer.replaced("<!-- nonsense -->")


@pytest.mark.slow
def test_a_site_without_a_simulator_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Catches a build that ends there, and a figure that looks as if SPICE had agreed.
    monkeypatch.setenv("THERMOSPICE_NGSPICE", str(tmp_path / "nowhere"))
    assert "there was no ngspice" in _extension("from_the_application").output("thermospice simulate")
    effects = _extension("effects")
    monkeypatch.setattr(effects, "EFFECTS", {"mismatch": effects.EFFECTS["mismatch"]})
    effects.draw_all(tmp_path)
    assert "No simulator was found" in effects.caption(tmp_path, "mismatch")


# What runs


@pytest.mark.slow
@pytest.mark.parametrize("page", EFFECT_PAGES, ids=_name)
def test_an_effects_formula_model_and_spice_agree(page: Path) -> None:
    # Catches a derivation that is wrong, and a figure whose points have left its line. Formulas are of first order, or
    # leave out what the amplifier's other flaws do: a tenth is far more than that, and less than a wrong factor.
    panels = _extension("effects").EFFECTS[page.stem](True)
    for panel in panels:
        assert panel.points is not None
        assert np.abs(panel.differences).max() < (2e-3 if panel.unit or panel.log_y else 1e-5)
        if panel.by_hand is not None:
            scale = np.abs(panel.line[1]).max()
            away = np.abs(panel.by_hand[1] - panel.line[1])
            near = np.minimum(away / scale, away / np.maximum(np.abs(panel.line[1]), 1e-300))
            assert near.max() < 0.1, panel.y


def _captioned(head: str, text: str) -> tuple[str, str] | None:
    caption = re.match(r":caption: (\S+)\n\n?", text)
    return None if caption is None else (caption.group(1), text[caption.end() :])


def _run_shell(text: str) -> None:
    for line in filter(None, text.splitlines()):
        command, _, told = line.partition("  # exit code ")
        program, *words = shlex.split(command)
        if program == "thermospice":
            code = main(words)
        else:
            assert program == "python", line
            code = subprocess.run([sys.executable, *words], check=False).returncode
        assert code == int(told or 0), line


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in PAGES if any(h in ("sh", "python") for h, _ in blocks(p))], ids=_name)
@pytest.mark.filterwarnings("default")
def test_a_page_runs_from_top_to_bottom(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Catches a command, a file or a program that does not do what the page says.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    namespace: dict[str, object] = {"__name__": "page"}
    # A dataclass asks for the module that it is in.
    monkeypatch.setitem(sys.modules, "page", ModuleType("page"))
    for head, text in blocks(page):
        if (file := _captioned(head, text)) is not None and head.startswith("{code-block}"):
            Path(file[0]).parent.mkdir(parents=True, exist_ok=True)
            Path(file[0]).write_text(file[1], encoding="utf-8")
        elif head == "sh":
            _run_shell(text)
        elif head == "python":
            exec(compile(text, _name(page), "exec"), namespace)


@pytest.mark.slow
def test_the_site_is_built_without_warnings_and_needs_no_network(tmp_path: Path) -> None:
    pytest.importorskip("furo", reason="the extra docs is not installed")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    done = subprocess.run([*command, str(DOCS), str(tmp_path / "site")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    site = tmp_path / "site"
    html = {path: path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    assert len(html) >= len(PAGES)
    for path, text in html.items():
        # What a page would load: links that a reader may follow are none of it.
        loaded = re.findall(r"<(?:script|img|iframe|source)[^>]*\ssrc=\"([^\"]+)\"", text)
        loaded += re.findall(r"<link[^>]*rel=\"(?:stylesheet|preload|icon)[^>]*href=\"([^\"]+)\"", text)
        assert not [url for url in loaded if re.match(r"(?:https?:)?//", url)], path
        assert "<merror" not in text
    assert "<math" in html[site / "physics" / "index.html"]
    assert sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) < 40e6
