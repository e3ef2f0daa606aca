"""Parts of pages that the application itself writes, so that they cannot be out of date.

    <!-- commands -->                      every command with its options, from the command line
    <!-- fields thermospice.x:Model -->    the fields of a settings model: unit, default, range, meaning
    <!-- doors -->                         the public names of every room
    <!-- presets -->                       the designs that come with it
    <!-- output thermospice ... -->        what a command prints, run when the site is built
    <!-- board -->                         prediction beside measurement, from the file that predict.py writes
    <!-- benchmarks -->                    what each file of benchmarks/ measures
    <!-- faults -->                        single faults by kind, from the file that bench_faults.py writes
    <!-- engines -->                       the same numbers by every engine that is there
    <!-- printed -->                       what the block of Python above prints, run with all blocks above it
    <!-- effect mismatch -->               the figure of an effect, with SPICE where there is one

Figures of formulas are drawn when the site is built.
"""

import hashlib
import re
import shlex
import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
MARK = re.compile(r"^<!-- (\w+)(?: (.*?))? -->$", re.MULTILINE)
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ROOMS = ("files", "circuits", "measurements", "netlists", "behavioral", "training", "fidelity", "campaigns")
FIGURES = ROOT / "docs" / "physics" / "figures"


def replaced(text: str) -> str:
    """A page with its marks replaced by what the application says."""
    return MARK.sub(_written, text)


def _written(mark: re.Match[str]) -> str:
    import application_pages as pages
    from engines import side_by_side

    kind, argument = mark.group(1), mark.group(2) or ""
    writers = {
        "commands": pages.commands,
        "doors": pages.doors,
        "presets": pages.presets,
        "board": pages.board,
        "benchmarks": pages.benchmarks,
        "faults": pages.faults,
        "engines": side_by_side,
    }
    if kind in writers:
        return writers[kind]()
    if kind == "fields":
        return pages.fields(argument)
    if kind == "output":
        return f"```text\n$ {argument}\n{output(argument)}\n```"
    if kind == "printed" and not has_simulator():
        return f"```text\n{output('')}\n```"
    if kind == "printed":
        above = len(BLOCK.findall(mark.string[: mark.start()]))
        return f"```text\n{_prints(mark.string)[above - 1]}\n```"
    if kind == "effect":
        head = f"```{{figure}} figures/{argument}.svg\n:alt: {argument}, SPICE against the model"
        return f"{head}\n\n{_caption(argument)}\n```"
    known = ", ".join((*writers, "effect", "printed", "fields", "output"))
    raise ValueError(f"expected {known}, got {kind!r}")


def has_simulator() -> bool:
    """Whether there is an ngspice; without one a site is built that says so."""
    from thermospice.netlists import SimulatorMissing, find_ngspice

    try:
        find_ngspice()
    except SimulatorMissing:
        return False
    return True


def output(line: str) -> str:
    """What a command prints on standard output, in a folder of its own that has the examples.

    Raises:
        RuntimeError: exit code 2, a command that was refused.
    """
    if not has_simulator():
        return "(not run: there was no ngspice where this site was built)"
    program, *arguments = shlex.split(line)
    code = "from thermospice.cli import main; import sys; sys.exit(main(sys.argv[1:]))"
    words = [sys.executable, "-c", code] if program == "thermospice" else [sys.executable]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "examples").symlink_to(ROOT / "examples")
        done = subprocess.run([*words, *arguments], cwd=folder, capture_output=True, text=True, timeout=300)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{line}: {done.stderr}")
    return done.stdout.rstrip().replace(folder, "")


@lru_cache(maxsize=8)
def _prints(page: str) -> list[str]:
    """What each block of Python of a page prints, one after the other in one process.

    Raises:
        RuntimeError: a block that fails.
    """
    end = "\x1e"
    program = f"\nprint({end!r})\n".join(BLOCK.findall(page))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "examples").symlink_to(ROOT / "examples")
        command = [sys.executable, "-W", "ignore", "-c", program]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return [part.strip() for part in done.stdout.split(end)]


def _caption(name: str) -> str:
    from effects import caption

    return caption(FIGURES, name)


def _read(app: Any, name: str, source: list[str]) -> None:
    source[0] = replaced(source[0])


def _draw(app: Any) -> None:
    from effects import draw_all
    from formula_figures import draw

    draw(ROOT / "docs" / "physics")
    draw_all(FIGURES)


def _written_pages(app: Any, env: Any, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """Pages with marks are read again at every build: what they say is not in their own text."""
    return [name for name in env.found_docs if MARK.search(Path(env.doc2path(name)).read_text(encoding="utf-8"))]


def _run_tutorials_again(app: Any) -> None:
    """Where the package is another one than in the last build, what the scripts print may be, too."""
    folder = ROOT / "docs" / "tutorials"
    kept = folder / "package.sha256"
    found = hashlib.sha256()
    for path in sorted(path for room in ROOMS for path in (ROOT / room).rglob("*") if path.suffix in (".py", ".yaml")):
        found.update(path.read_bytes())
    if not kept.exists() or kept.read_text(encoding="utf-8") != found.hexdigest():
        for done in folder.glob("*.md5"):
            done.unlink()
        folder.mkdir(exist_ok=True)
        kept.write_text(found.hexdigest(), encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    app.connect("builder-inited", _draw)
    # Before sphinx-gallery looks which scripts have changed.
    app.connect("builder-inited", _run_tutorials_again, priority=100)
    app.connect("env-get-outdated", _written_pages)
    app.connect("source-read", _read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
