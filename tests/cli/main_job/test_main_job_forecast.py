"""What the main job is said to take before it begins."""

from thermospice.cli.main_job import main_job_forecast

CHIP = ("draw", "symbolic", "spice", "calibration", "fit", "heldout", "compare", "fidelity")
LOOP = ("loop-chip", "loop-fit", "loop", "loop-check")


def test_the_whole_job_is_long_and_a_quick_one_is_not(monkeypatch):
    # Catches a quick run of which a minute is said, and a whole one of which nothing is.
    monkeypatch.setattr("thermospice.cli.main_job._forecast.available_cores", lambda: 2)
    whole, quick = main_job_forecast((*CHIP, *LOOP), 25, 300), main_job_forecast(CHIP, 10, 60)
    assert quick.text() is None
    # Measured on two cores with nothing else to do: 115 s.
    assert 115 / 2 < whole.seconds < 115 * 2


def test_what_is_done_is_not_counted_again():
    assert main_job_forecast((), 0, 300).seconds == 0.0
    assert main_job_forecast(("loop",), 0, 300).seconds < main_job_forecast(LOOP, 0, 300).seconds
