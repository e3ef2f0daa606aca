"""The raw reader: round trips, and one clear error for whatever is not a raw file."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thermospice.netlists import SimulationFailed
from thermospice.netlists.simulators import read_raw

_POINTS = 7


def raw(values, name="Transient Analysis", points=None, flags=None, names=None):
    names = names or ["time", *(f"v(out{k})" for k in range(values.shape[1] - 1))]
    flags = flags or ("complex" if np.iscomplexobj(values) else "real")
    lines = [
        "Title: thermospice",
        "Date: Mon Jan  5 12:00:00  2026",
        f"Plotname: {name}",
        f"Flags: {flags}",
        f"No. Variables: {len(names)}",
        f"No. Points: {len(values) if points is None else points}       ",
        "Variables:",
        *(f"\t{k}\t{n}\tvoltage" for k, n in enumerate(names)),
        "Binary:",
        "",
    ]
    return "\n".join(lines).encode() + np.ascontiguousarray(values).tobytes()


REAL = np.arange(_POINTS * 3, dtype=float).reshape(_POINTS, 3)
COMPLEX = REAL + 1j * REAL[::-1]


def test_real_round_trip():
    (plot,) = read_raw(raw(REAL))
    assert plot.name == "Transient Analysis"
    assert plot.variables == ("time", "v(out0)", "v(out1)")
    np.testing.assert_array_equal(plot.values, REAL)
    np.testing.assert_array_equal(plot["v(out1)"], REAL[:, 2])
    np.testing.assert_array_equal(plot.scale, REAL[:, 0])


def test_complex_round_trip_ignores_the_imaginary_frequency():
    (plot,) = read_raw(raw(COMPLEX, name="AC Analysis"))
    np.testing.assert_array_equal(plot.values, COMPLEX)
    np.testing.assert_array_equal(plot.scale, REAL[:, 0])
    assert plot.scale.dtype == np.float64


@pytest.mark.parametrize("garbage", [np.nan, np.inf, 1e-310])
def test_garbage_beside_a_frequency_is_no_value(garbage):
    values = COMPLEX.copy()
    values[3, 0] = complex(values[3, 0].real, garbage)
    (plot,) = read_raw(raw(values, name="AC Analysis"))
    assert plot.finite


@pytest.mark.parametrize("values", [REAL, COMPLEX])
@pytest.mark.parametrize("column", [0, 2])
def test_a_value_that_is_no_number_is_seen(values, column):
    values = values.copy()
    values[3, column] = np.nan
    (plot,) = read_raw(raw(values))
    assert not plot.finite


def test_several_plots():
    plots = read_raw(raw(REAL) + raw(COMPLEX, name="AC Analysis") + raw(REAL[:1]))
    assert [len(plot.values) for plot in plots] == [_POINTS, _POINTS, 1]


def test_a_header_that_says_no_points_counts_the_bytes():
    (plot,) = read_raw(raw(REAL, points=0))
    np.testing.assert_array_equal(plot.values, REAL)


def test_an_empty_file_has_no_plots():
    assert read_raw(b"") == ()


def test_an_unknown_variable_is_a_key_error():
    with pytest.raises(KeyError):
        read_raw(raw(REAL))[0]["v(nothing)"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (raw(REAL)[:-1], "bytes are left"),
        (raw(REAL, points=0)[:-1], "not complete"),
        (raw(REAL, points=_POINTS + 1), "bytes are left"),
        (raw(REAL, points="9" * 12), "bytes are left"),
        (raw(REAL, points="9" * 400), "No. Points".lower()),
        (raw(REAL, points=-1), "No. Points".lower()),
        (raw(REAL, flags="real unpadded"), "flags"),
        (raw(REAL, flags="real complex"), "flags"),
        (raw(REAL, flags="odd"), "flags"),
        (raw(REAL, names=["time", "v(a)", "V(A)"]), "same name"),
        (raw(REAL).replace(b"\t1\tv", b"\t2\tv"), "out of order"),
        (raw(REAL).replace(b"No. Variables: 3", b"No. Variables: 4"), "4 variables"),
        (raw(REAL).replace(b"No. Variables: 3", b"No. Variables: 0"), "0 variables"),
        (raw(REAL).replace(b"Plotname", b"Plotnome"), "names no plot"),
        (raw(REAL).replace(b"Variables:\n", b""), "key: value"),
        (raw(REAL).replace(b"Title", b"\xff\xff"), "not text"),
        (raw(REAL) + b"trailing", "no data"),
        (b"Binary:\n", "key: value"),
    ],
)
def test_malformed(data, reason):
    with pytest.raises(SimulationFailed, match="malformed") as caught:
        read_raw(data)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def _read_or_refuse(data):
    try:
        plots = read_raw(data)
    except SimulationFailed:
        return
    assert sum(plot.values.nbytes for plot in plots) <= len(data)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mutated_bytes_never_crash(data):
    """Any bytes give plots that fit into the file, or the one error."""
    original = raw(REAL) + raw(COMPLEX)
    mutated = bytearray(original)
    for _ in range(data.draw(st.integers(1, 8))):
        position = data.draw(st.integers(0, len(mutated) - 1))
        mutated[position] = data.draw(st.integers(0, 255))
    _read_or_refuse(bytes(mutated[: data.draw(st.integers(0, len(mutated)))]))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=200))
def test_arbitrary_bytes_never_crash(head, body):
    _read_or_refuse(head + b"Binary:\n" + body)
