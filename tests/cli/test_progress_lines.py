"""Progress where standard error is no terminal."""

from thermospice.cli.frame import ProgressLines


def test_a_line_now_and_then_says_what_is_left_by_the_pace_since_the_beginning(monkeypatch):
    # Catches what a folder held already and that counts as done within no time.
    now, said = [0.0], []
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    lines = ProgressLines("runs", said.append)
    for seconds, done in ((0.0, 100), (30.0, 110), (61.0, 120), (90.0, 130), (130.0, 140)):
        now[0] = seconds
        lines.advance(done, 180)
    assert said == ["  runs: 120 of 180, about 3 min left", "  runs: 140 of 180, about 2.2 min left"]
