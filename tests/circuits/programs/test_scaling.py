"""Fitting a program to a chip: what clips, what offsets take, and chips that are unstable whatever the amplifiers."""

import numpy as np
import pytest
import scipy.linalg
from thermospice.circuits import (
    Cascade,
    Crossbar,
    Design,
    Program,
    ProgramError,
    RCMesh,
    Scaling,
    choose_scaling,
    random_program,
    stability_limit,
    state_space,
)
from thermospice.circuits.state_spaces import relaxation, settle_time
from thermospice.netlists import simulate

BOARD = Design.preset("board-1k-1n")
RAIL = 4.9


def loud(h, j=0.1):
    # J^T H J + 0.1 = 1.1 for every h: the answer is b/1.1, and the stages carry 10 b/1.1 and more.
    return Program.from_factors(j * np.eye(3), h * np.eye(3), 0.1, [1.0, -0.5, 0.7])


@pytest.mark.parametrize(("h", "j"), [(100.0, 0.1), (1.0, 1.0), (0.01, 10.0), (400.0, 0.05)])
def test_no_stage_of_a_cascade_clips(h, j):
    # Catches a drive that looks at the cells alone: the stages u = -J v and w = -H u have rails of their own.
    program, chip = loud(h, j), BOARD.nominal(Cascade(3, 3))
    scaling = choose_scaling(chip, program)
    v = simulate(chip, program, "op", scaling=scaling)["v"].values / scaling.drive
    # Gains of 447,000 against noise gains of a few hundred at most.
    np.testing.assert_allclose(v, np.array([1.0, -0.5, 0.7]) / 1.1, rtol=2e-3)
    largest = max(j, h * j) * 1 / 1.1 * scaling.drive * scaling.conductance
    assert largest < 0.55 * RAIL


def test_offsets_take_their_part_whatever_the_drive():
    # One cell, A = 1: the output settles to b - 2 Vos; a quarter of what an offset leaves is for the drive.
    def settled(offset, b):
        chip = BOARD.nominal(Crossbar(1)).replace_errors(offset=np.array([offset]))
        scaling = choose_scaling(chip, Program([[1.0]], [b]))
        return scaling.drive, scaling.drive * b + 2 * offset

    assert settled(0.0, 4.0) == (0.5, 2.0)
    drive, v = settled(1.5, 4.0)
    assert v < RAIL
    assert drive == 2.0**-4  # (4.9 - 3)/4 = 0.475 V of 4
    # Away from the rail that the offset is near to, there is room.
    assert settled(1.5, -4.0)[0] == 1.0
    with pytest.raises(ProgramError, match=r"a0 is beyond its range without any drive.*5\.[0-9]+ V"):
        settled(2.6, 0.1)


def test_a_waveform_that_overshoots_keeps_to_the_rails():
    # A turning pair: the first swing passes the settled value by exp(-0.05 pi) = 85 %.
    program = Program([[0.05, -1.0], [1.0, 0.05]], [2.4, 0.0])
    chip = BOARD.nominal(Crossbar(2))
    scaling = choose_scaling(chip, program)
    t = np.linspace(0, 60, 3001)
    x = [program.solution - scipy.linalg.expm(-program.A * k) @ program.solution for k in t]
    assert np.abs(program.solution).max() < RAIL / 2 < 0.9 * RAIL < np.abs(x).max()
    assert scaling.drive == 0.5


def test_a_slow_amplifier_is_not_driven_beyond_its_slew_rate():
    slow = BOARD.model_copy(update={"amplifier": BOARD.amplifier.model_copy(update={"slew": 0.8e6})})
    # The cell rises by b/tau = 2e6 V/s at first.
    assert choose_scaling(slow.nominal(Crossbar(1)), Program([[1.0]], [2.0])).drive == 0.25
    assert choose_scaling(BOARD.nominal(Crossbar(1)), Program([[1.0]], [2.0])).drive == 1.0


def test_a_start_counts_as_the_answer_does():
    program, chip = loud(100.0), BOARD.nominal(Cascade(3, 3))
    near, far = (choose_scaling(chip, program, start=s).drive for s in (np.zeros(3), np.array([0.0, 8.0, 0.0])))
    assert near == choose_scaling(chip, program).drive
    # A start of 8 V takes the second stage towards 80 V with 4e6/s (65 MHz over a noise gain of 101), while the cell
    # falls with 1.1e6/s: it comes between 40 and 70 V far, of which 0.9 times 4.9 V are allowed.
    assert far == 2.0**-4


def test_readouts_stay_within_the_converters_range():
    # 0.4 V of range against rails of 0.89 V: half of it is for the answer, half for what noise adds.
    chip = Design.preset("cmos-100k-10p").nominal(Crossbar(1))
    assert choose_scaling(chip, Program([[1.0]], [0.3])).drive == 0.5


def realised(chip, A):
    """Numpy's: conductances, inverters of the negative entries, capacitors."""
    e = chip.errors
    matrix = A * (1 + e["conductance"]) * np.where(A < 0, 1 + e["inverter"], 1)
    return matrix / (1 + e["capacitance"])[:, None]


@pytest.mark.parametrize("level", ["ideal", "macro"])
def test_an_unstable_chip_is_called_so(level):
    # Catches conductances that are lowered until the amplifiers' finite gain holds the loop.
    topology, seen = Crossbar(4), 0
    for seed in range(30):
        program = random_program(topology, np.random.default_rng([seed, 1]), condition=3000.0)
        drawn = BOARD.sample(topology, np.random.default_rng(seed))
        chip = drawn.replace_errors(offset=np.zeros(4), inverter_offset=np.zeros(4))
        # Ideal circuits have ideal inverters.
        perfect = chip.replace_errors(inverter=np.zeros(4)) if level == "ideal" else chip
        worst = np.linalg.eigvals(realised(perfect, program.A)).real.min()
        if worst > 0:
            choose_scaling(chip, program, level)
            continue
        seen += 1
        with pytest.raises(ProgramError, match="unstable") as caught:
            choose_scaling(chip, program, level)
        assert f"{worst:.3g}" in str(caught.value)
    assert seen >= 5


def test_an_unstable_chip_has_no_limit_of_bandwidth():
    program = Program([[0.01]], [0.1])
    chip = BOARD.nominal(Crossbar(1)).replace_errors(conductance=np.array([[-1.001]]))
    with pytest.raises(ProgramError, match="eigenvalue -1e-05"):
        stability_limit(chip, program)


def test_components_alone_are_stable():
    chip = BOARD.sample(RCMesh(3), np.random.default_rng(0))
    program = random_program(RCMesh(3), np.random.default_rng(0), condition=1e6)
    assert choose_scaling(chip, program, "ideal") == Scaling()


def test_settling_of_normal_and_other_matrices():
    assert settle_time(np.diag([2.0, 0.5]), 1e-3) == -np.log(1e-3) / 0.5
    # A chain: its powers are known, exp(-(1 - 2 S) t) = e^-t sum_k (2t)^k S^k/k!, S the shift.
    n, t = 12, np.linspace(0, 80, 4001)
    chain = np.eye(n) - 2 * np.diag(np.ones(n - 1), 1)
    sizes = np.array([np.linalg.norm(scipy.linalg.expm(-chain * k), 2) for k in t])
    last = t[np.flatnonzero(sizes > 1e-6)[-1]]
    found = settle_time(chain, 1e-6)
    # One of 256 steps up to a doubled time.
    assert last <= found <= last * (1 + 2 / 256) + 0.02
    assert found > 3 * -np.log(1e-6)
    with pytest.raises(ValueError, match="positive real part"):
        settle_time(np.diag([1.0, -1e-9]), 1e-6)


@pytest.mark.parametrize("n", [1, 6])
def test_settling_by_modes_is_that_by_exponentials(n):
    # Catches a scan from the end that stops a step too early or too late, and modes of another start or readout.
    rng = np.random.default_rng(n)
    space = state_space(BOARD.sample(Crossbar(n), rng).network(random_program(Crossbar(n), rng), "macro"))
    assert space.modes is not None
    shown = (space.F, 1e-6, space.M, space.initial)
    found = settle_time(*shown, modes=space.modes)
    assert found == settle_time(*shown)
    # An integrator behind an amplifier settles later than its slowest mode says by itself: the scan was needed.
    assert found > -np.log(1e-6) / -space.poles.real.max()


def test_relaxation_is_that_of_the_exponential():
    F, x = np.array([[1.0, 0.5], [-3.0, 2.0]]), np.array([1.0, 2.0])
    times, found = relaxation(F, x, 1.0, 2.0)
    assert times[0] == 0
    assert times[9] <= 0.1 / 2.0 < 10 < times[-1]
    # The first two octaves have the start in place of the parts that were not looked at.
    np.testing.assert_allclose(found[9:], [scipy.linalg.expm(-F * t) @ x for t in times[9:]], atol=1e-12)
