"""Simulators that answer in good form, and wrongly: the real one, its raw file changed on the way out."""

import sys
from pathlib import Path

from thermospice.netlists import find_ngspice

_SCRIPT = """#!{python} -SE
import os, re, struct, subprocess, sys

subprocess.call([{ngspice!r}, *sys.argv[1:]])
if "--version" in sys.argv:
    sys.exit()


def lie(plot, names, rows):
{lie}


for path in [name for name in os.listdir() if name.endswith(".raw")]:
    data, out = open(path, "rb").read(), b""
    while data:
        end = data.index(b"Binary:\\n") + 8
        head, data = data[:end], data[end:]
        text = head.decode()
        plot = re.search("Plotname: (.*)", text)[1]
        count, points = (int(re.search(f"No. {{what}}: *([0-9]+)", text)[1]) for what in ("Variables", "Points"))
        names = re.findall(r"^\\t[0-9]+\\t(\\S+)", text, re.M)
        parts = 2 if "complex" in text else 1
        values = struct.unpack(f"{{parts * count * points}}d", data[: 8 * parts * count * points])
        data = data[8 * parts * count * points :]
        cells = [values[k : k + parts] for k in range(0, len(values), parts)]
        rows = [cells[k : k + count] for k in range(0, len(cells), count)]
        lie(plot, names, rows)
        out += head + struct.pack(f"{{len(values)}}d", *(value for row in rows for one in row for value in one))
    open(path, "wb").write(out)
"""

_EACH = "    for row in rows:\n        for k, name in enumerate(names):\n"
_SCALED = "                row[k] = tuple({factor} * value for value in row[k])"


def _scaled(factor: float, condition: str) -> str:
    return f"{_EACH}            if {condition}:\n{_SCALED.format(factor=factor)}"


_SWAPPED = """    if "v(out1)" in names and {condition}:
        a, b = names.index("v(out0)"), names.index("v(out1)")
        for row in rows:
            row[a], row[b] = row[b], row[a]"""

LIES = {
    "zeros": _scaled(0.0, "name.startswith('v(')"),
    "zeros in transients": _scaled(0.0, "name.startswith('v(out') and plot.startswith('Tran')"),
    "millivolts": _scaled(1e3, "name.startswith('v(out')"),
    "outputs swapped": _SWAPPED.format(condition="True"),
    "outputs swapped in transients": _SWAPPED.format(condition="plot.startswith('Tran')"),
    "signs": _scaled(-1.0, "name == 'v(out1)'"),
    "no noise": _scaled(0.0, "name == 'onoise_spectrum'"),
    "twice the noise": _scaled(2.0**0.5, "name == 'onoise_spectrum'"),
    "densities squared": _EACH
    + "            if name == 'onoise_spectrum':\n                row[k] = (row[k][0] ** 2,)",
    "microseconds": _scaled(1e6, "name == 'time'"),
    "half a percent": _scaled(1.005, "name == 'v(out0)'"),
    "radians": _scaled(6.283185307179586, "name == 'frequency'"),
}


def liar(folder: Path, lie: str) -> Path:
    """An executable that lies in one of the ways of `LIES`."""
    path = folder / "ngspice"
    path.write_text(_SCRIPT.format(python=sys.executable, ngspice=find_ngspice("ngspice").path, lie=LIES[lie]))
    path.chmod(0o755)
    return path
