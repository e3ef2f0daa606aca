"""Files of benches: every way to write the same record, what is asked for, and what is refused."""

import importlib.util
import os

import numpy as np
import pytest
from thermospice.files.waveforms import read_any_raw
from thermospice.measurements import MeasurementError, read_measurement
from thermospice.measurements.lab import Lab, read_lab

T = np.arange(1, 6) * 1e-6
V = np.array([[0.1, -0.2], [0.15, -0.3], [0.18, -0.35], [0.19, -0.37], [0.195, -0.38]])
FACTS = {
    "design": "board-1k-1n",
    "topology": "crossbar",
    "level": "ideal",
    "matrix": [[1.0, 0.3], [-0.2, 0.8]],
    "drive": [0.2, -0.1],
    "drive_scale": 1,
    "probe_gain": 1,
    "readout_noise": "1 mV",
    "relative_error": 0.02,
}


def read(tmp_path, *paths, **facts):
    lab = Lab.of({**FACTS, **facts}, tmp_path, "lab.yaml")
    return read_lab(lab, paths)


def write(tmp_path, content, name="a.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def table(separator=", ", head="time [us], v1 [mV], v2 [mV]", comma=False):
    rows = [separator.join(f"{x:.6g}" for x in (1e6 * t, *(1e3 * v))) for t, v in zip(T, V, strict=True)]
    return "\n".join((head, *([row.replace(".", ",") for row in rows] if comma else rows), ""))


ROWS = "".join(f"{t!r},{a!r},{b!r}\n" for t, (a, b) in zip(T.tolist(), V.tolist(), strict=True))
TEKTRONIX = "Model,MSO54\nFirmware Version,1.2\n\nHorizontal Units,s\nSample Interval,1e-06\nRecord Length,5\n,,\n"
RIGOL = "X,CH1,CH2,Start,Increment\nSequence,Volt,Volt,1.0e-6,1.0e-6\n"
SPELLINGS = {
    "comma": table(),
    "tab": table("\t", "time [us]\tv1 [mV]\tv2 [mV]"),
    "blanks": table(" ", "time[us] v1[mV] v2[mV]"),
    "decimal comma": table(";", "time [us];v1 [mV];v2 [mV]", comma=True),
    "BOM": b"\xef\xbb\xbf" + table().encode(),
    "UTF-16": table().encode("utf-16"),
    "latin-1": table(head="time [\xb5s], v1 [mV], v2 [mV]").encode("latin-1"),
    "CRLF": table().replace("\n", "\r\n"),
    "comments": "# of a bench\n" + table().replace("\n", "  # a remark\n", 1) + "# the end\n",
    "numpy": "# time [s],v1 [V],v2 [V]\n" + ROWS,
    "round brackets": table(head="Time (us), v1 (mV), v2 (mV)"),
    "unit behind a name": table(head="t/us,v1/mV,v2/mV"),
    "unit as a suffix": table(head="time_us,v1_mV,v2_mV"),
    "ngspice print": "x\n\nIndex time v(out0) v(out1)\n------\n"
    + "".join(f"{k}\t{row}\n" for k, row in enumerate(ROWS.replace(",", "\t").splitlines())),
    "LTspice text": "time\tV(out0)\tV(out1)\n" + ROWS.replace(",", "\t"),
}
SCOPES = {
    "Tektronix": TEKTRONIX + "TIME,CH1,CH2\n" + ROWS,
    "Keysight": "x-axis,1,2\nsecond,Volt,Volt\n" + ROWS,
    "Keysight comments": "# Time,CH1,CH2\n# s,V,V\n" + ROWS,
    "Rohde": "in s,CH1 in V,CH2 in V\n" + ROWS,
    "PicoScope": "Time,CH1,CH2\n(s),(V),(V)\n\n" + ROWS,
    "Rigol": RIGOL + "".join(f"{k},{a!r},{b!r},\n" for k, (a, b) in enumerate(V.tolist())),
}


def check(found):
    (data,) = found.measurements
    m = read_measurement(data)
    assert m.values["time"] == pytest.approx(T, rel=1e-12)
    assert m.values["v"] == pytest.approx(V, rel=1e-12)
    assert m.readout_sigma == pytest.approx(1e-3)


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_transient_reads_the_same_however_it_is_written(name, tmp_path):
    check(read(tmp_path, write(tmp_path, SPELLINGS[name])))


@pytest.mark.parametrize("name", SCOPES)
def test_oscilloscopes_are_read(name, tmp_path):
    columns = {"1": 0, "2": 1} if name == "Keysight" else {"CH1": 0, "CH2": 1}
    units = {"TIME": "s", "CH1": "V", "CH2": "V"}
    check(read(tmp_path, write(tmp_path, SCOPES[name]), columns=columns, units=units))


def test_a_scope_that_writes_units_alone_is_read_by_the_numbers_of_its_columns(tmp_path):
    siglent = "Record Length,Analog:5\nVertical Units,CH1:V,CH2:V\nSecond,Volt,Volt\n" + ROWS
    check(read(tmp_path, write(tmp_path, siglent), columns={2: 0, 3: 1}))
    bare = "".join(f" {row}\n" for row in ROWS.replace(",", " ").splitlines())
    told = {"columns": {2: 0, 3: 1}, "units": {1: "s", 2: "V", 3: "V"}}
    check(read(tmp_path, write(tmp_path, bare, "wrdata.txt"), **told))


def test_a_first_row_that_is_no_row_is_no_head(tmp_path):
    # Catches a row that is taken for names, so that the record begins later than it did.
    with pytest.raises(MeasurementError, match="line 2, column 3: expected a finite number, got 'nan'"):
        read(tmp_path, write(tmp_path, "time [s], v1 [V], v2 [V]\n1e-6, 0.1, nan\n2e-6, 0.2, 0.3\n"))


def test_channels_can_be_told_and_swapped(tmp_path):
    # Catches columns that are taken in their order, whatever the description says.
    path = write(tmp_path, table(head="time [us], CH2 [mV], CH1 [mV]"))
    (data,) = read(tmp_path, path, columns={"CH1": 0, "CH2": 1}).measurements
    assert data["v"].values == pytest.approx(V[:, ::-1])
    with pytest.raises(MeasurementError, match="say in `columns`"):
        read(tmp_path, path)
    with pytest.raises(MeasurementError, match="each of the cells"):
        read(tmp_path, path, columns={"CH1": 0})


def test_a_probe_and_a_start_are_taken_out(tmp_path):
    found = read(tmp_path, write(tmp_path, table()), probe_gain=10, start="2 us")
    (data,) = found.measurements
    assert data["v"].values == pytest.approx(V[1:] / 10)
    assert data["time"].values == pytest.approx(T[1:] - 2e-6, abs=1e-18)
    assert data.attrs["readout_sigma"] == pytest.approx(1e-4)
    assert "1 readings before the start" in found.notes[0]


def test_spectra_in_both_units(tmp_path):
    square = write(tmp_path, "frequency [kHz], v1 [nV^2/Hz], v2 [nV^2/Hz]\n1, 4, 9\n2, 3, 8\n")
    root = write(
        tmp_path,
        "frequency [Hz], v1 [nV/sqrt(Hz)], v2 [nV/sqrt(Hz)]\n1000, 2, 3\n2000, 1.7320508, 2.8284271\n",
        "b.csv",
    )
    for path in (square, root):
        (data,) = read(tmp_path, path, probe_gain=2).measurements
        assert data["frequency"].values == pytest.approx([1e3, 2e3])
        assert data["psd"].values == pytest.approx(np.array([[4, 9], [3, 8]]) * 1e-18 / 4, rel=1e-6)


def test_responses_as_parts_or_in_decibels(tmp_path):
    parts = write(
        tmp_path, "frequency [Hz], v1 re [V], v1 im [V], v2 re [V], v2 im [V]\n10, 0, 1, 1, 0\n20, 0, 2, 2, 0\n"
    )
    polar = write(
        tmp_path,
        "frequency [Hz], v1 mag [dB], v1 phase [deg], v2 mag [dB], v2 phase [deg]\n10, 0, 90, 0, 0\n"
        "20, 6.020599913, 90, 6.020599913, 0\n",
        "b.csv",
    )
    ltspice = write(tmp_path, "Freq.\tV(out0)\tV(out1)\n1.0e1\t0.0,1.0\t1.0,0.0\n2.0e1\t0.0,2.0\t2.0,0.0\n", "c.txt")
    for path in (parts, polar, ltspice):
        (data,) = read(tmp_path, path).measurements
        H = data["v_re"].values + 1j * data["v_im"].values
        assert pytest.approx(np.array([[1j, 1], [2j, 2]]), abs=1e-9) == H


def test_operating_points_of_programs(tmp_path):
    programs = {"1": {"matrix": [[1, 0], [0, 1]], "drive": [1, 2]}, "2": {"matrix": [[1, 0], [0, 1]], "drive": [3, 4]}}
    facts = {name: value for name, value in FACTS.items() if name not in ("matrix", "drive")}
    path = write(tmp_path, "program, v1 [V], v2 [V]\n1, 1.0, 2.0\n2, 3.0, 4.0\n")
    found = read_lab(Lab.of({**facts, "programs": programs}, tmp_path, "lab.yaml"), [path])
    assert [data["b"].values.tolist() for data in found.measurements] == [[1, 2], [3, 4]]
    assert [data["v"].values.tolist() for data in found.measurements] == [[1, 2], [3, 4]]


def ngspice_raw(text):
    head = "Title: x\nDate: d\nPlotname: Transient Analysis\nFlags: real\nNo. Variables: 3\nNo. Points: 5\nVariables:\n"
    head += "\t0\ttime\ttime\n\t1\tv(out0)\tvoltage\n\t2\tv(out1)\tvoltage\n"
    rows = np.column_stack([T, V])
    if not text:
        return head.encode() + b"Binary:\n" + rows.tobytes()
    body = "".join(f" {k}\t" + "\n\t".join(f"{x:.16e}" for x in row) + "\n\n" for k, row in enumerate(rows))
    return (head + "Values:\n" + body).encode()


def ltspice_raw(single):
    flags = "real forward" if single else "real forward double"
    head = (
        f"Title: * x\nDate: d\nPlotname: Transient Analysis\nFlags: {flags}\nNo. Variables: 3\nNo. Points:        5\n"
    )
    head += "Offset:   0.0\nCommand: LTspice XVII\nVariables:\n\t0\ttime\ttime\n\t1\tV(out0)\tvoltage\n"
    head += "\t2\tV(out1)\tvoltage\nBinary:\n"
    kind = np.dtype([("t", "<f8"), ("v", "<f4" if single else "<f8", (2,))])
    rows = np.zeros(5, kind)
    # A negative time is LTspice's mark of a point that its compression has made.
    rows["t"], rows["v"] = T * [1, -1, 1, 1, 1], V
    return head.encode("utf-16-le") + rows.tobytes()


@pytest.mark.parametrize(
    "content", [ngspice_raw(False), ngspice_raw(True), ltspice_raw(False)], ids=["bin", "text", "lt"]
)
def test_raw_files_of_both_simulators(content, tmp_path):
    check(read(tmp_path, write(tmp_path, content, "a.raw")))


@pytest.mark.parametrize(("plot", "factor"), [("", 4e-9), (" - (V^2 or A^2)/Hz", 2e-9**0.5)])
def test_noise_of_ngspice_is_read_as_roots_or_as_squares(plot, factor, tmp_path):
    # The headers of ngspice 39, without and with `set sqrnoise`; catches squares that were squared again.
    head = f"Title: x\nPlotname: Noise Spectral Density Curves{plot}\nFlags: real\nNo. Variables: 2\nNo. Points: 2\n"
    head += "Variables:\n\t0\tfrequency\tfrequency\n\t1\tonoise_spectrum\tvoltage-density\nValues:\n"
    body = f" 0\t1e3\n\t{4e-9 if not plot else 2e-9}\n\n 1\t1e4\n\t{4e-9 if not plot else 2e-9}\n\n"
    path = write(tmp_path, head + body, "a.raw")
    facts = {"matrix": [[1.0]], "drive": [1.0], "columns": {"onoise_spectrum": 0}}
    (data,) = read(tmp_path, path, **facts).measurements
    assert data["psd"].values.ravel() == pytest.approx([factor**2, factor**2])
    # Its unit may be told, and has to be the file's own: in another one nobody would see which was taken.
    own, other = ("V^2/Hz", "V/sqrt(Hz)") if plot else ("V/sqrt(Hz)", "V^2/Hz")
    assert read(tmp_path, path, **facts, units={"onoise_spectrum": own}).measurements
    for unit in (other, f"n{own}"):
        with pytest.raises(MeasurementError, match=r"a\.raw: units: .*: the file itself has another unit"):
            read(tmp_path, path, **facts, units={"onoise_spectrum": unit})


def test_single_precision_of_ltspice():
    (plot,) = read_any_raw(ltspice_raw(True))
    assert plot.scale == pytest.approx(T, rel=1e-15)
    assert plot["v(out1)"] == pytest.approx(V[:, 1], rel=1e-7)
    with pytest.raises(Exception, match="bytes are left"):
        read_any_raw(ltspice_raw(True)[:-1])


@pytest.mark.parametrize("text", [False, True])
def test_an_offset_of_ltspice_is_refused(text, tmp_path):
    # Catches times that begin elsewhere than the file says.
    content = ltspice_raw(False)
    if text:
        content = ngspice_raw(True).replace(b"Variables:\n\t0", b"Offset:   0.0\nVariables:\n\t0")
        check(read(tmp_path, write(tmp_path, content, "a.raw")))
        binary = ngspice_raw(False).replace(b"Variables:\n\t0", b"Offset: 1e-3\nVariables:\n\t0")
        with pytest.raises(MeasurementError, match="an Offset of 1e-3"):
            read(tmp_path, write(tmp_path, binary, "b.raw"))
    before, after = (one.encode("ascii" if text else "utf-16-le") for one in ("Offset:   0.0", "Offset:   1e-3"))
    content = content.replace(before, after)
    with pytest.raises(MeasurementError, match=r"a\.raw: the raw file has an Offset of 1e-3.*save from 0 on"):
        read(tmp_path, write(tmp_path, content, "a.raw"))


RESPONSE = "Title: x\nPlotname: AC Analysis\nFlags: complex\nNo. Variables: 3\nNo. Points: 2\nVariables:\n"
RESPONSE += "\t0\tfrequency\tfrequency\n\t1\t{a}\tvoltage\n\t2\t{b}\tvoltage\nValues:\n"
RESPONSE += " 0\t1e3,0\n\t-3,0\n\t-45,0\n\n 1\t1e4,0\n\t-20,0\n\t-80,0\n\n"


@pytest.mark.parametrize(
    "name",
    [
        "vdb(out)",
        "vm(out)",
        "vp(out)",
        "vr(out)",
        "vi(out)",
        "db(v(out))",
        "mag(v(out))",
        "ph(v(out))",
        "cph(v(out))",
        "-real(v(out))",
        "20*log10(v(out))",
    ],
)
def test_a_function_of_a_voltage_is_no_voltage(name, tmp_path):
    # Catches decibels and degrees that are read as volts of a complex response.
    path = write(tmp_path, RESPONSE.format(a=name, b="v(out1)"), "a.raw")
    printed = write(tmp_path, f"Index frequency {name} v(out1)\n0 1e3 -3 -45\n1 1e4 -20 -80\n", "a.txt")
    for record in (path, printed):
        with pytest.raises(MeasurementError, match=r"expected a voltage such as v\(out\).*write the voltage itself"):
            read(tmp_path, record, columns={name: 0, "v(out1)": 1})
    # One that nobody asks for does no harm.
    facts = {"matrix": [[1.0]], "drive": [1.0], "columns": {"v(out1)": 0}}
    (data,) = read(tmp_path, path, **facts).measurements
    assert data["v_re"].values.ravel().tolist() == [-45.0, -80.0]


@pytest.mark.skipif(importlib.util.find_spec("skrf") is None, reason="pip install 'thermospice[lab]'")
def test_touchstone_gives_the_response_of_an_open_output(tmp_path):
    # A divider of 1 kohm and 3 kohm: two thirds of what S says, three quarters when open. Worked out by hand:
    # Z11 = 4k, Z21 = Z22 = 3k against 50 ohm.
    Z, I = np.array([[4e3, 3e3], [3e3, 3e3]]), np.eye(2)
    S = (Z / 50 - I) @ np.linalg.inv(Z / 50 + I)
    row = f"{S[0, 0]} 0 {S[1, 0]} 0 {S[0, 1]} 0 {S[1, 1]} 0"
    path = write(tmp_path, f"! x\n# HZ S RI R 50\n1000 {row}\n2000 {row}\n", "a.s2p")
    facts = {"matrix": [[1.0]], "drive": [1.0], "drive_port": 1, "ports": {"2": 0}}
    (data,) = read(tmp_path, path, **facts).measurements
    assert data["v_re"].values.ravel() == pytest.approx([0.75, 0.75])
    with pytest.raises(MeasurementError, match="drive_port and ports"):
        read(tmp_path, path)


def test_everything_that_is_missing_is_asked_for_at_once(tmp_path):
    path = write(tmp_path, "time, v1, v2\n1, 2, 3\n2, 3, 4\n")
    with pytest.raises(MeasurementError) as caught:
        read_lab(Lab.of({}, tmp_path, "lab.yaml"), [path])
    for fact in (
        "design:",
        "topology:",
        "matrix and drive:",
        "drive_scale:",
        "probe_gain:",
        "readout_noise:",
        "units: of time, v1, v2",
    ):
        assert fact in str(caught.value)
    assert "\n" not in str(caught.value)


PARTS = "frequency [Hz]\tv1 mag [dB]\tv1 phase [deg]\tv2 mag [dB]\tv2 phase [deg]\n"
REFUSED = {
    # an empty cell made a row of numbers the names
    table().replace("1, 100, -200", "1, , -200"): "line 2, column 2: expected a finite number, got an empty cell",
    table().replace("1, 100, -200", ", 100, -200"): "line 2, column 1: expected a finite number, got an empty cell",
    "1,,3\n2,3,4\n3,4,5\n": "line 1, column 2: expected a finite number, got an empty cell",
    "": "empty file",
    "hello\nworld\n": "no row of numbers",
    table().replace("150", "nan"): "line 3, column 2: expected a finite number",
    table().replace("150", ""): "line 3, column 2: expected a finite number",
    table().replace("2, 150, -300\n", "2, 150\n"): "line 3: expected 3 columns, got 2",
    table().replace("3, 180", "2, 180"): "line 4: time: expected rising",
    table().replace("3, 180", "1.5, 180"): "line 4: time: expected rising",
    table().replace("4, 190", "time [ms], v1 [V], v2 [V]\n4, 190"): "line 5, column 1",
    "time [us], v1 [mV]\n1, 2\n2, 3\n": "cell 1",
    "time [us], v1 [mV], v2 [mV], v3 [mV]\n1, 2, 3, 4\n2, 3, 4, 5\n": "v1 to v2",
    "time [us], v1 [mV], v1 [mV]\n1, 2, 3\n2, 3, 4\n": "got 2 for cell 0",
    "frequency [Hz], v1 [V^2/Hz], v2 [V^2/Hz]\n1, 1e-12, -1e-12\n2, 1, 1\n": "density above 0",
    "frequency [Hz], v1 [V], v2 [V]\n1, 1, 1\n2, 1, 1\n": "expected densities",
    "frequency [Hz], v1 [V^2/Hz], v2 [V]\n1, 1, 1\n2, 1, 1\n": "one kind of column",
    "v1 [V], v2 [V]\n1, 2\n3, 4\n": "expected a first column",
    # decimal commas of a spreadsheet, of which the whole part alone was read
    PARTS.replace("\t", ",") + '"10,5","0,5","90,0","1,5","0,5"\n"20,5","0,5","90,0","1,5","0,5"\n': "decimal point",
    PARTS + "10.5\t0,5\t90\t1,5\t0\n20.5\t0,5\t90\t1,5\t0\n": "line 2, column 2: got '0,5', a comma",
    PARTS + "10,5\t0.5\t90\t1.5\t0\n20,5\t0.5\t90\t1.5\t0\n": "line 2, column 1: got '10,5'",
    # one column for each output, as of a complex response: 0,8713 was 0 + 8713j
    "frequency [Hz];v1 [V];v2 [V]\n100.000;0,8713;0,6132\n200.000;0,8;0,6\n": "got '0,8713', a comma beside",
    "frequency [Hz];v1 [V];v2 [V]\n100.0;0,8;1.5e0\n200.0;0.8,1;1,5e0\n": "line 3, column 2: got '0.8,1'",
    "frequency [Hz] v1 [V] v2 [V]\n100 0,8713 0,6132\n200 0,8 0,6\n": "line 2, column 2: got '0,8713'",
    "frequency [Hz];v1 [V];v2 [V]\n100.0;1,234.5;2.0,3.0\n200.0;0.8,1.0;1.0,2.0\n": "got '1,234.5'",
    "\0\1\2\3": "text file",
}


@pytest.mark.parametrize("content", REFUSED)
def test_what_is_no_record_is_refused_with_its_place(content, tmp_path):
    with pytest.raises(MeasurementError) as caught:
        read(tmp_path, write(tmp_path, content))
    assert "a.csv" in str(caught.value)
    assert REFUSED[content] in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "units", "what"),
    [
        (table(), {"v1": "V"}, "units: V: the file itself has another unit of 'v1 [mV]'"),
        (table(), {"v2 [mV]": "uV"}, "units: uV"),
        (table(), {"time": "ms"}, "units: ms"),
        (table(), {"v1": "mA"}, "units: mA"),
        (table(head="time_us,v1_mV,v2_mV"), {"v2": "V"}, "units: V"),
        (table(head="Second,Volt,Volt"), {"2": "mV"}, "units: mV"),
        ("Index time v(out0) v(out1)\n0 1 2 3\n1 2 3 4\n", {"v(out0)": "mV"}, "units: mV"),
        (PARTS.replace("\t", ",") + "1,2,3,4,5\n2,3,4,5,6\n", {"v1 mag": "V"}, "units: V"),
        (ngspice_raw(False), {"v(out1)": "mV"}, "units: mV"),
    ],
)
def test_a_unit_that_contradicts_the_file_is_refused(content, units, what, tmp_path):
    # Catches a description that is not heard: the file's unit won without a word.
    path = write(tmp_path, content, "a.raw" if isinstance(content, bytes) else "a.csv")
    with pytest.raises(MeasurementError) as caught:
        read(tmp_path, path, units=units)
    assert what in str(caught.value)


def test_a_unit_that_says_once_more_what_the_file_says_is_taken(tmp_path):
    check(read(tmp_path, write(tmp_path, table()), units={"time": "us", "v1": "mV", "v2 [mV]": "mV", "v9": "V"}))
    response = "frequency [Hz], v1 mag [V], v1 phase [deg], v2 mag [V], v2 phase [deg]\n1,2,3,4,5\n2,3,4,5,6\n"
    told = {"v1": "V", "v1 mag": "V", "v1 phase": "deg", "frequency": "Hz"}
    (data,) = read(tmp_path, write(tmp_path, response, "b.csv"), units=told).measurements
    assert abs(data["v_re"].values[0, 0] + 1j * data["v_im"].values[0, 0]) == pytest.approx(2.0)
    check(read(tmp_path, write(tmp_path, ngspice_raw(False), "a.raw"), units={"v(out0)": "V", "time": "s"}))


def test_pipes_folders_and_copies_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    for path, what in (
        (tmp_path / "pipe.csv", "a pipe"),
        (tmp_path, "a folder"),
        (tmp_path / "none.csv", "No such file"),
    ):
        with pytest.raises(MeasurementError, match=what):
            read(tmp_path, path)
    path = write(tmp_path, table())
    with pytest.raises(MeasurementError, match="given twice"):
        read(tmp_path, path, path)


@pytest.mark.parametrize(
    ("facts", "what"),
    [
        ({"probe_gain": 0}, "probe_gain"),
        ({"probe_gain": [1, 2, 3]}, "probe_gain"),
        ({"gain": 1}, "unknown key"),
        ({"readout_noise": "1 s"}, "readout_noise"),
        ({"matrix": [[1, 0]]}, "square"),
        ({"matrix": "none.csv"}, "none.csv"),
        ({"size": 3}, "size: expected 2"),
        ({"topology": "mesh"}, "mesh"),
        ({"design": "none"}, "none"),
        ({"columns": {"v9": 0}}, "v9"),
        ({"units": {"v1": "mV"}, "start": "1 s"}, "after start"),
    ],
)
def test_a_description_that_cannot_be_is_refused(facts, what, tmp_path):
    with pytest.raises(MeasurementError) as caught:
        read(tmp_path, write(tmp_path, table()), **facts)
    assert what in str(caught.value)
    assert "\n" not in str(caught.value)


def test_one_reading_far_off_is_left_out_and_told(tmp_path):
    # Catches a filter that takes a steep beginning, or a step that is there, for a fault.
    t = np.linspace(0.05, 5, 60)
    curve = 0.5 * (1 - np.exp(-t))
    for k, size, left in ((20, 0.1, 59), (20, 0.0, 60), (1, 0.0, 60)):
        v = curve.copy()
        v[k] += size
        rows = "".join(f"{a:.4f}, {1e3 * b:.4f}, {1e3 * b:.4f}\n" for a, b in zip(t, v, strict=True))
        found = read(tmp_path, write(tmp_path, "time [us], v1 [mV], v2 [mV]\n" + rows, f"{k}{size}.csv"))
        assert found.measurements[0].sizes["time"] == left
        assert ("line 22" in "".join(found.notes)) == (left == 59)
    step = np.where(np.arange(60) > 30, 0.5, 0.0)
    rows = "".join(f"{a:.4f}, {1e3 * b:.4f}, {1e3 * b:.4f}\n" for a, b in zip(t, step, strict=True))
    assert read(tmp_path, write(tmp_path, "time [us], v1 [mV], v2 [mV]\n" + rows)).measurements[0].sizes["time"] == 60


def test_volts_that_no_design_reaches_are_a_wrong_unit(tmp_path):
    with pytest.raises(MeasurementError, match="the units or scales are wrong"):
        read(tmp_path, write(tmp_path, table(head="time [us], v1 [V], v2 [V]")))
