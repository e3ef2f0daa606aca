"""Sobol indices against functions whose indices are known, and against scipy's own estimator."""

import numpy as np
from scipy import stats
from thermospice.campaigns.sensitivity import bootstrapped, sobol_indices

ROWS = 1024


def ishigami(x, a=7.0, b=0.1):
    return np.sin(x[..., 0]) + a * np.sin(x[..., 1]) ** 2 + b * x[..., 2] ** 4 * np.sin(x[..., 0])


def ishigami_indices(a=7.0, b=0.1):
    """First order and total (Ishigami and Homma, ISUMA 1990)."""
    V1, V2 = 0.5 * (1 + b * np.pi**4 / 5) ** 2, a**2 / 8
    V13 = b**2 * np.pi**8 * (1 / 18 - 1 / 50)
    V = V1 + V2 + V13
    return np.array([V1, V2, 0.0]) / V, np.array([V1 + V13, V2, V13]) / V


def design():
    """Values of A, of B, and of A with one column of B."""
    unit = stats.qmc.Sobol(6, seed=np.random.default_rng(1)).random(ROWS)
    A, B = (np.pi * (2 * half - 1) for half in (unit[:, :3], unit[:, 3:]))
    mixed = [np.where(np.arange(3) == k, B, A) for k in range(3)]
    return np.stack([ishigami(x) for x in (A, B, *mixed)])


def test_the_estimator_is_that_of_scipy():
    # Catches a wrong variance or a sign: scipy takes the same values, and has to say the same.
    f = design()
    theirs = stats.sobol_indices(func={"f_A": f[:1], "f_B": f[1:2], "f_AB": f[2:, None]}, n=ROWS)
    first, total = sobol_indices(f[0], f[1], f[2:])
    np.testing.assert_allclose(first, theirs.first_order.ravel(), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(total, theirs.total_order.ravel(), rtol=1e-12, atol=1e-13)


def test_ishigami_has_its_known_indices_within_the_intervals():
    f = design()[..., None]
    first, total = sobol_indices(f[0, :, 0], f[1, :, 0], f[2:, :, 0])
    ends = bootstrapped(f, lambda values: values[..., 0], 300, np.random.default_rng(2))
    for found, known, (low, high) in zip((first, total), ishigami_indices(), ends, strict=True):
        # A Sobol sequence errs less than the bootstrap of independent rows says.
        assert (low <= known).all()
        assert (known <= high).all()
        # sqrt(Var f_B (f_AB - f_A))/V is at most 3 here: three deviations of 1,024 rows are 0.28; half of it for good.
        np.testing.assert_allclose(found, known, atol=0.14)


def test_chips_that_differ_widen_the_interval():
    # Catches a bootstrap over rows alone, which knows of no chips.
    rng = np.random.default_rng(3)
    unit = rng.random((64, 2, 2))
    A, B = unit[:, 0], unit[:, 1]
    slopes = np.stack([np.ones(6), np.geomspace(0.1, 10, 6)])
    values = [(x @ slopes) for x in (A, B, np.stack([B[:, 0], A[:, 1]], 1), np.stack([A[:, 0], B[:, 1]], 1))]
    mean = lambda found: found.mean(axis=-1)  # noqa: E731
    wide = bootstrapped(np.stack(values), mean, 300, rng)[1]
    narrow = bootstrapped(mean(np.stack(values))[..., None], mean, 300, rng)[1]
    assert (np.diff(wide, axis=0) > np.diff(narrow, axis=0)).all()
