"""Tables as programs write them are read; anything else is refused with its place, at once."""

import time

import numpy as np
import pytest
from thermospice.files import FileError
from thermospice.files.tables import read_matrix, read_vector

MATRIX = [[1.0, -0.5], [0.25, 2e-3]]


@pytest.mark.parametrize(
    "text",
    [
        "1,-0.5\n0.25,2e-3\n",
        "1;-0.5\n0.25;2e-3\n",
        "1\t-0.5\n0.25\t2e-3\n",
        "1 -0.5\n0.25 2e-3\n",
        "  1   -0.5\n .25   +2E-3",
        "1, -0.5\r\n0.25, .002\r\n\r\n\r\n",
        "\ufeff1,-0.5\n0.25,2e-3\n",
        "# A of the board\n#second line\n1,-0.5 # first row\n# between\n0.25,2e-3\n# end",
        "1.000000000000000000e+00 -5.000000000000000000e-01\n2.500000000000000000e-01 2.000000000000000000e-03\n",
    ],
    ids=["comma", "semicolon", "tab", "space", "columns", "crlf", "bom", "comments", "savetxt"],
)
def test_matrices_as_programs_write_them(tmp_path, text):
    (tmp_path / "A.csv").write_text(text, newline="")
    np.testing.assert_array_equal(read_matrix(tmp_path / "A.csv"), MATRIX)


@pytest.mark.parametrize("text", ["1\n-2\n3e1", "# b [V]\n1\n-2\n30\n", " 1 \n-2\t\n30 #x\n"])
def test_vectors(tmp_path, text):
    (tmp_path / "b.csv").write_text(text)
    np.testing.assert_array_equal(read_vector(tmp_path / "b.csv"), [1.0, -2.0, 30.0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a,b\n1,0\n0,1\n",
            "row 1, column 1: .* real number, got 'a'.*remove row 1, or begin it with #",
        ),
        ("# c\nx;y\n1;0\n0;1\n", "row 2, column 1: .*'x'.*remove row 2"),
        ("1,5;2,5\n0,5;1,0\n", "row 1, column 1: .*got '1,5'.*write decimals with a point"),
        ("1,5\t2,5\n0,5\t1,0\n", "row 1, column 1: .*got '1,5'.*write decimals with a point"),
        ("1;2;\n3;4;\n", "row 1, column 3: .*got ''; row 2, column 3"),
        ("1,x\ny,2\n", "row 1, column 2: .*'x'; row 2, column 1: .*'y'"),
        ("1,2\n3\n4,5,6\n", "row 2: expected 2 columns as in row 1, got 1; row 3: .* got 3"),
        ("# c\n1,2\n\n3,4\n", "row 3: expected 2 columns as in row 2, got 1"),
        ('"1","2"\n"3","4"\n', "row 1, column 1"),
        ("1_0,2\n3,4\n", "row 1, column 1: .*'1_0'"),
        ("\u0661,2\n3,4\n", "row 1, column 1"),
        ("1,2\n3,1d0\n", "row 2, column 2: .*'1d0'"),
        ("0x1,2\n3,4\n", "row 1, column 1: .*'0x1'"),
        ("1,2\n3,nan\n", "row 2, column 2: .*'nan'"),
        ("1,2\n3,1e999\n", "row 2, column 2: .*'1e999'"),
        ("", "the file is empty"),
        ("# nothing\n\n", "the file is empty"),
    ],
)
def test_what_is_no_plain_number_is_refused_with_its_place(tmp_path, text, message):
    (tmp_path / "A.csv").write_text(text)
    with pytest.raises(FileError, match=rf"A\.csv.*{message}") as caught:
        read_matrix(tmp_path / "A.csv")
    assert "\n" not in str(caught.value)


def test_a_decimal_comma_does_not_become_a_second_column(tmp_path):
    (tmp_path / "b.csv").write_text("1,5\n2,5\n")
    with pytest.raises(FileError, match="expected one value per line, with a decimal point, got 2 columns"):
        read_vector(tmp_path / "b.csv")


def test_a_thousand_faults_are_one_line(tmp_path):
    (tmp_path / "A.csv").write_text("x,y\n" * 500)
    with pytest.raises(FileError, match=r"\(and 992 more\)") as caught:
        read_matrix(tmp_path / "A.csv")
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("cell", ["9" * 200_000, "1" * 100_000 + "x", "." + "0" * 100_000 + "e", "1e" + "9" * 100_000])
def test_a_long_cell_takes_no_time(tmp_path, cell):
    # Catches a pattern that tries every way to part the digits: 40,000 took 34 s.
    (tmp_path / "A.csv").write_text(f"1,{cell}\n")
    start = time.perf_counter()
    with pytest.raises(FileError, match="row 1, column 2"):
        read_matrix(tmp_path / "A.csv")
    assert time.perf_counter() - start < 2.0
