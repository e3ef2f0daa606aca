"""Records of a circuit of one's own: outputs by their names, and second moments with their errors."""

import numpy as np
import pytest
from thermospice.circuits.linear_circuits import observed
from thermospice.circuits.spice_files import parse_netlist
from thermospice.measurements import MeasurementError
from thermospice.measurements.lab import Lab, read_circuit_lab
from thermospice.measurements.layout import Moments

from .test_lab import write

CIRCUIT = "t\nV1 in 0 1\nI2 0 b 1m\nR1 in a 1k\nR2 a b 2k\nC1 a 0 1n\n.end\n"
OF_CIRCUIT = {"probe_gain": 10, "readout_noise": "1 mV", "relative_error": 0.02, "sources": {"V1": "0.5 V"}}


def read_circuit(tmp_path, content, outputs="a,b,a-b", **facts):
    circuit = observed(parse_netlist(CIRCUIT).network, outputs)
    lab = Lab.of({**OF_CIRCUIT, "input": "V1", **facts}, tmp_path, "lab.yaml")
    (record,) = read_circuit_lab(lab, [write(tmp_path, content)], circuit).records
    return record


def test_outputs_of_a_netlist_are_read_by_their_names(tmp_path):
    record = read_circuit(tmp_path, "time/us, V(a) [mV], V(a,b) [mV]\n1, 100, 20\n2, 200, 30\n", sources={"V1": 0.5})
    assert record.outputs == (0, 2)
    assert record.values == pytest.approx(np.array([[0.01, 0.002], [0.02, 0.003]]))
    assert record.axis == pytest.approx([1e-6, 2e-6])
    assert record.readout_sigma == pytest.approx([1e-4, 1e-4])
    (source,) = (e for e in record.circuit.network.elements if e.name == "v1")
    assert source.dc == 0.5
    told = {"CH1": "b", "CH2": 0}
    other = read_circuit(tmp_path, "Time (s),CH1 (V),CH2 (V),CH3 (V)\n0,1,2,9\n1,3,4,9\n", columns=told)
    assert other.outputs == (0, 1)
    assert other.values == pytest.approx(np.array([[0.2, 0.1], [0.4, 0.3]]))
    with pytest.raises(MeasurementError, match=r"CH1.*say in `columns`"):
        read_circuit(tmp_path, "Time (s),CH1 (V)\n0,1\n1,3\n")
    with pytest.raises(MeasurementError, match="columns: CH9: b"):
        read_circuit(tmp_path, "Time (s),CH1 (V)\n0,1\n1,3\n", columns={"CH9": "b"})
    with pytest.raises(MeasurementError, match="sources: expected one of v1, i2, got v9"):
        read_circuit(tmp_path, "Time (s),a (V)\n0,1\n1,3\n", sources={"V9": 1})


def test_cross_spectra_and_covariances_are_read_with_their_errors(tmp_path):
    # Catches commas of names that part columns, probes taken out once instead of twice, and bands that are no bands.
    head = "frequency [Hz], S(a,a) [nV/sqrt(Hz)], S(a,b) re [V^2/Hz], S(a,b) im [V^2/Hz], b [V^2/Hz]\n"
    cross = read_circuit(tmp_path, head + "10, 2, 3e-18, 1e-18, 5e-18\n20, 2, 3e-18, 1e-18, 5e-18\n")
    m = cross.moments
    assert (cross.kind, m.part, m.first.tolist(), m.second.tolist()) == (
        "cross",
        ("re", "re", "im", "re"),
        [0, 0, 0, 1],
        [0, 1, 1, 1],
    )
    assert m.values[0] == pytest.approx(np.array([4, 3, 1, 5]) * 1e-20)
    assert np.isnan(m.sigma).all()
    turned = read_circuit(
        tmp_path, head + "10, 2, 3e-18, 1e-18, 5e-18\n20, 2, 3e-18, 1e-18, 5e-18\n", conjugate="first"
    )
    assert turned.moments.values[0, 2] == pytest.approx(-1e-20)
    alone = read_circuit(tmp_path, "frequency [Hz], S(a,a) [V^2/Hz], S(b,b) [V^2/Hz]\n10, 4, 9\n20, 4, 9\n")
    assert (alone.kind, alone.outputs, alone.values[0].tolist()) == ("noise", (0, 1), [0.04, 0.09])
    head = '"band low [Hz]";"band high [kHz]";"cov(a,b) [mV^2]";sigma;rms(b) [mV];sigma [mV];rho(a,b)\n'
    covariance = read_circuit(tmp_path, head + "200;50;4;1;3;0,5;0,25\n50e3;60;4;1;3;0,5;-0,25\n").moments
    assert covariance.bands == ((200.0, 50e3), (50e3, 60e3))
    assert covariance.part == ("covariance", "rms", "correlation")
    assert covariance.values[0] == pytest.approx([4e-8, 3e-4, 0.25])
    assert covariance.sigma[0, :2] == pytest.approx([1e-8, 5e-5])
    assert np.isnan(covariance.sigma[0, 2])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("cov(a,z) [V^2], sigma [V^2]\n1,1\n", "expected names of outputs, got 'z'"),
        ("cov(a,b) [V], sigma [V]\n1,1\n", "in V"),
        ("cov(a,b) [V^2], sigma [V^2]\n1,0\n", "an error above 0"),
        ("rho(a,b), sigma\n1.2,0.1\n", "from -1 to 1"),
        ("var(a) [V^2], sigma [V^2]\n-1,0.1\n", "above 0"),
        ("sigma [V^2], cov(a,b) [V^2]\n1,1\n", "right behind"),
        ("band low [Hz], band high [Hz], rho(a,b), sigma\n3,2,0.1,0.1\n", "lower edge first"),
        ("rho(a,b), sigma\n0.1,0.1\n0.2,0.1\n", "expected one row"),
        ("cov(a,b) [V^2], cov(b,a) [V^2]\n1,1\n", "given twice"),
        ("frequency [Hz], S(a,a) im [V^2/Hz]\n1,1\n", "is of two outputs"),
        ("rho, sigma\n0.1,0.1\n", "two outputs"),
        ("frequency [Hz], a mag [V], a phase\n1,1,1\n2,1,1\n", "units: of a phase"),
    ],
)
def test_second_moments_that_are_none_are_refused(content, says, tmp_path):
    with pytest.raises(MeasurementError, match=says):
        read_circuit(tmp_path, content)


def test_a_magnitude_in_volts_is_not_taken_for_decibels(tmp_path):
    rows = "10, 2, {angle}\n20, 4, {angle}\n"
    degrees = read_circuit(tmp_path, "f [Hz], a mag [V], a phase [deg]\n" + rows.format(angle=90))
    radians = read_circuit(tmp_path, "f [Hz], a mag [V/V], a phase [rad]\n" + rows.format(angle=np.pi / 2))
    for record in (degrees, radians):
        assert record.values == pytest.approx(np.array([[0.2j], [0.4j]]), abs=1e-12)


def test_the_scatter_of_a_cross_spectrum_is_that_of_its_averages():
    # Wishart's law against 4000 draws of averages of 50: a variance is known to sqrt(2/4000) = 2.2 %; five of that. One
    # hundredth of each variance is what outputs are taken not to share.
    rng = np.random.default_rng(3)
    S = np.array([[2.0, 0.9 + 0.7j], [0.9 - 0.7j, 1.0]])
    parts = rng.standard_normal((2, 4000, 2, 50)) / np.sqrt(2)
    X = np.linalg.cholesky(S) @ (parts[0] + 1j * parts[1])
    found = X @ np.conj(np.swapaxes(X, 1, 2)) / 50
    kinds = ("re", "re", "re", "im")
    first, second = np.array([0, 1, 0, 0]), np.array([0, 1, 1, 1])
    nothing = np.full((1, 4), np.nan)
    moments = Moments(first, second, kinds, nothing, nothing, np.ones(1))
    seen = np.cov(moments.picked(found).T)
    said = moments.scatter(S, 50**-0.5)
    scale = np.sqrt(np.outer(np.diag(seen), np.diag(seen)))
    assert np.abs((seen - said) / scale).max() < 0.01 + 5 * np.sqrt(2 / 4000)
