"""The verdict: a result only when plots, counts, ends, values and log are all right."""

import numpy as np
import pytest
from thermospice.netlists import SimulationFailed, find_ngspice
from thermospice.netlists.simulators import Expected, Plot, Run, judge, run_deck

TIMES = np.linspace(0.1, 1.0, 10)
TRAN = "Transient Analysis"


def raw(*plots: tuple[str, np.ndarray], names=("time", "v(a)")) -> bytes:
    parts = []
    for name, values in plots:
        header = [
            "Title: thermospice",
            f"Plotname: {name}",
            "Flags: real",
            f"No. Variables: {values.shape[1]}",
            f"No. Points: {len(values)}",
            "Variables:",
            *(f"\t{k}\t{n}\tvoltage" for k, n in enumerate(names)),
            "Binary:\n",
        ]
        parts.append("\n".join(header).encode() + values.tobytes())
    return b"".join(parts)


def run(*plots, log="") -> Run:
    return Run(raw(*plots), log, 0.01)


def table(rows=TIMES, v=0.5):
    return np.column_stack([rows, np.full(len(rows), v)])


GOOD = (TRAN, table())


def test_a_good_run():
    plots, warnings = judge(run(GOOD), Expected(TRAN, ("v(a)",), (10,), 1.0))
    assert isinstance(plots[0], Plot)
    assert warnings == ()


def test_other_plots_are_ignored():
    judge(run(("Integrated Noise", table()), GOOD), Expected(TRAN, ("v(a)",)))


@pytest.mark.parametrize(
    ("found", "expected", "reason"),
    [
        (run(), Expected(TRAN, ("v(a)",)), "0 of 1 plots"),
        (run(("AC Analysis", table())), Expected(TRAN, ("v(a)",)), "0 of 1 plots"),
        (run(GOOD, GOOD), Expected(TRAN, ("v(a)",)), "2 of 1 plots"),
        (run(GOOD), Expected(TRAN, ("v(b)",)), r"lacks v\(b\)"),
        (run(GOOD), Expected(TRAN, ("v(a)",), (11,)), "10 points, expected 11"),
        (run((TRAN, table(TIMES[:0]))), Expected(TRAN, ("v(a)",)), "no points"),
        (run((TRAN, table(TIMES[:-1]))), Expected(TRAN, ("v(a)",), last=1.0), "ends at 0.9, expected 1"),
        (run((TRAN, table(TIMES[::-1]))), Expected(TRAN, ("v(a)",), last=1.0), "does not increase"),
        (run((TRAN, table(TIMES * np.nan))), Expected(TRAN, ("v(a)",), last=1.0), "does not increase"),
        (run((TRAN, table(v=np.nan))), Expected(TRAN, ("v(a)",)), "not finite"),
        (run((TRAN, table(v=np.inf))), Expected(TRAN, ("v(a)",)), "not finite"),
        (Run(raw(GOOD)[:-3], "", 0.0), Expected(TRAN, ("v(a)",)), "malformed"),
    ],
)
def test_bad_plots(found, expected, reason):
    with pytest.raises(SimulationFailed, match=reason) as caught:
        judge(found, expected)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "line",
    [
        "run simulation(s) aborted",
        "doAnalyses: TRAN:  Timestep too small; time = 1e-7",
        "doAnalyses: iteration limit reached",
        "Timestep too small; time = 1e-7, timestep = 1e-20",
        "Warning: singular matrix:  check nodes a and b",
        "Error on line 3 or its substitute:",
        "Error: no such vector",
        "Fatal error: out of memory",
        "warning, can't find model 'np.float64(1.0)' from line",
    ],
)
def test_failure_lines_in_the_log(line):
    """Even when the plots look right: partial raw files survive failures."""
    with pytest.raises(SimulationFailed, match="ngspice failed") as caught:
        judge(run(GOOD, log=f"Circuit: thermospice\n{line}\n  more\n"), Expected(TRAN, ("v(a)",)))
    assert line.split(":")[0] in str(caught.value)
    assert line in caught.value.log


@pytest.mark.parametrize(
    "line", ["Reset re-errors: 0", "Note: No compatibility mode selected!", "No. of Data Rows : 9"]
)
def test_harmless_lines(line):
    assert judge(run(GOOD, log=line), Expected(TRAN, ("v(a)",)))[1] == ()


@pytest.mark.parametrize(
    "line", ["Transient op started", "Note: Starting dynamic gmin stepping", "Warning: source stepping failed"]
)
def test_warnings_are_kept(line):
    assert judge(run(GOOD, log=line), Expected(TRAN, ("v(a)",)))[1] == (line,)


def test_analyses_of_one_kind_come_in_the_order_of_the_deck():
    """ngspice runs them from the last to the first; one point more tells which is the first."""
    first, second, third = table(np.arange(5.0)), table(np.arange(4.0)), table(np.arange(4.0), v=0.7)
    expected = Expected(TRAN, ("v(a)",), (5, 4, 4))
    for order in ((first, second, third), (third, second, first)):
        plots, _ = judge(run(*((TRAN, values) for values in order)), expected)
        assert [len(plot.values) for plot in plots] == [5, 4, 4]
        assert [plot["v(a)"][0] for plot in plots] == [0.5, 0.5, 0.7]
    with pytest.raises(SimulationFailed, match="4 or 5 points, expected 4"):
        judge(run(*((TRAN, values) for values in (second, first, third))), expected)


def deck(*lines: str) -> str:
    return "\n".join((".title thermospice", *lines, ".end", ""))


@pytest.mark.parametrize(
    "lines",
    [
        ("Ra a 0 nonsense", ".op", ".save v(a)"),
        ("Va a 0 1.0", "Vb a 0 2.0", ".op", ".save v(a)"),
        ("Ra a 0 1.0",),
        ("Va a 0 1.0", ".op", ".save v(b)"),
        ("this is no deck",),
        ("Va a 0 1.0", "Ba b 0 v=sqrt(-1)/0", ".op", ".save v(b)"),
    ],
)
def test_real_failures(lines):
    """ngspice's exit code is 0 for some of these and partial files survive others."""
    with pytest.raises(SimulationFailed):
        judge(run_deck(deck(*lines), find_ngspice()), Expected("Operating Point", ("v(a)",), (1,)))
