"""Messages: lower rooms know no command line, and what stands in brackets reaches the reader."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import thermospice
import typer.main
from rich.markup import render

ROOMS = ("files", "circuits", "netlists", "behavioral", "training", "reports")
ROOT = Path(thermospice.__path__[0])


def messages(tree: ast.AST) -> Iterator[str]:
    """Texts in raised, returned and yielded errors, and in what validators collect."""
    for node in ast.walk(tree):
        is_error = isinstance(node, ast.Call) and re.search(r"(Error|Missing|Failed|Warning)$", ast.unparse(node.func))
        if is_error or isinstance(node, ast.Raise | ast.Yield):
            yield from (
                part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)
            )


@pytest.mark.parametrize("room", ROOMS)
def test_no_message_of_a_lower_room_names_an_option(room):
    # Catches `use --level ideal`: whoever reads it in a notebook has no such option.
    found = [
        f"{path.name}: {text}"
        for path in sorted((ROOT / room).rglob("*.py"))
        for text in messages(ast.parse(path.read_text(encoding="utf-8")))
        if re.search(r"--[a-z]", text)
    ]
    assert found == []


def test_the_walk_sees_an_option_in_a_message():
    assert list(messages(ast.parse('raise ValueError(f"{x}: use --level")')))[:1] == [": use --level"]
    assert list(messages(ast.parse('def f():\n  return SomeError("--a")'))) == ["--a"]


def test_brackets_in_help_texts_are_not_taken_for_markup():
    # Catches `pip install 'thermospice'`, which is what is left of thermospice[vacask] as markup.
    from thermospice.cli import app

    for command in typer.main.get_command(app).commands.values():
        for param in command.params:
            text = getattr(param, "help", None) or ""
            assert render(text).plain == text.replace("\\[", "["), f"{command.name} {param.name}"


def test_brackets_reach_the_terminal(capsys, tmp_path):
    from rich.table import Table
    from thermospice.cli.frame import Job

    this = Job("verify", tmp_path, quiet=False, as_json=False)
    table = Table("pip install 'thermospice[cluster]'", box=None)
    table.add_row("pip install 'thermospice[vacask]'")
    this.summary = {"command": "verify"}  # tables wait until the verdict is fixed
    this.say("warning: pip install 'thermospice[vacask]' [red]")
    this.show(table)
    captured = capsys.readouterr()
    assert captured.err == "warning: pip install 'thermospice[vacask]' [red]\n"
    assert "thermospice[vacask]" in captured.out
    assert "thermospice[cluster]" in captured.out
