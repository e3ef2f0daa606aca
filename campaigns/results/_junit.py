"""The verdicts of a study as JUnit XML, which tools of continuous integration read."""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from ...files import write_text
from ._characteristics import Characteristic


def write_junit(path: Path, name: str, found: Sequence[Characteristic]) -> None:
    """A test case for each limit under each condition; one that is not kept is a failure that says why."""
    judged = [one for one in found if one.verdict]
    failed = sum(one.verdict == "fail" for one in judged)
    counts = {"name": name, "tests": str(len(judged)), "failures": str(failed), "errors": "0", "skipped": "0"}
    suites = ElementTree.Element("testsuites", counts)
    suite = ElementTree.SubElement(suites, "testsuite", counts)
    for one in judged:
        case = ElementTree.SubElement(
            suite, "testcase", {"classname": f"{name}.{_plain(one.condition)}", "name": _plain(one.metric)}
        )
        if one.verdict == "fail":
            ElementTree.SubElement(case, "failure", {"message": _plain(one.reason)}).text = _plain(one.reason)
    ElementTree.indent(suites)
    text = ElementTree.tostring(suites, encoding="unicode")
    write_text(path, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n')


def _plain(text: str) -> str:
    """Without characters that XML cannot hold."""
    return "".join(c if c.isprintable() else "?" for c in text)
